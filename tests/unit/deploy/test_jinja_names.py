"""Names in Jinja texts, held against what Jinja itself finds."""

import jinja2
import jinja2.meta
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.deploy.jinja_names import path_of, union, uses, uses_bare, value_uses

NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} ~ {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} if {two[1]} else 1)"),
        inner.map(lambda one: f"[{one}].x"),
        inner.map(lambda one: f"({one})['y']"),
        inner.map(lambda one: f"({one} | default({one}) | list).pop()"),
    ),
    max_leaves=4,
)
PLAIN = VALUES.map(lambda value: f"{{{{ {value} }}}}")
# No set inside of an if: Jinja then counts the name as asked for, whether anybody asks or not.
BRANCHES = st.tuples(VALUES, PLAIN, PLAIN).map("{{% if {0[0]} %}}{0[1]}{{% else %}}{0[2]}{{% endif %}}".format)
TEXTS = st.recursive(
    st.one_of(PLAIN, BRANCHES, st.tuples(NAMES, VALUES).map("{{% set {0[0]} = {0[1]} %}}".format)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(NAMES, VALUES, inner, inner).map(
            "{{% for {0[0]} in {0[1]} %}}{0[2]}{{% else %}}{0[3]}{{% endfor %}}".format
        ),
        st.tuples(NAMES, VALUES, inner).map("{{% with {0[0]} = {0[1]} %}}{0[2]}{{% endwith %}}".format),
        st.tuples(NAMES, NAMES, inner).map("{{% macro m{0[0]}({0[1]}) %}}{0[2]}{{% endmacro %}}".format),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(TEXTS)
def test_no_name_is_missed(text):
    roots = {name.partition(".")[0] for name in uses(text).names}
    assert roots >= jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(text)), text


@settings(deadline=None)
@given(VALUES)
def test_an_expression_has_the_names_that_jinja_finds(value):
    found = {name.partition(".")[0] for name in uses_bare(value).names}
    assert found == jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(f"{{{{ {value} }}}}"))


def test_what_one_branch_sets_may_be_a_variable_after_it():
    assert uses("{% if a %}{% set b = 1 %}{{ b }}{% endif %}").names == {"a"}
    assert uses("{% if a %}{% set b = 1 %}{% endif %}{{ b }}").names == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("{{ a.b['c'] }}", "a.b.c"),
        ("{{ a }}", "a"),
        ("{{ a.b() }}", ""),
        ("{{ a[0] }}", ""),
        ("x{{ a }}", ""),
        ("{{ mine.b }}", ""),
    ],
)
def test_one_path_is_an_alias(text, alias):
    assert uses(text, {"mine": None}).alias == alias


def test_all_texts_of_a_value_count():
    value = {"{{ a }}": ["{{ b.c }}", 1, None, {"x": "{{ d[e] }}"}]}
    assert value_uses(value).names == {"a", "b.c", "d", "e"}
    assert union([]).names == frozenset()


def test_paths_that_read_the_same_are_the_same():
    assert path_of("{{ a.b }}/c/{{ x }}.txt", {"x": None}) == path_of("{{ a['b'] ~ '/c/' + x ~ '.txt' }}", {"x": None})
    assert path_of("{{ a | basename }}") != path_of("{{ a | dirname }}")
