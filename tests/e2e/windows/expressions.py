"""The value of each kind of expression that deploy.ps1 uses; a function's name is get_ and the node's type."""

import re

from windows.syntax import Found, Type, UnknownError, listed, parts, scalar, text, truth

ESCAPES = {"`0": "\0", "`n": "\n"}
CONSTANTS = {"true": True, "false": False, "null": None}


def get_command(script, node):
    return scalar(script.command(node))


def get_pipeline_chain(script, node):
    return script.capture(node)


def get_variable(script, node):
    name = node.text.decode()[1:].lower()
    if name.startswith("env:"):
        return script.machine.environment.get(name[4:].upper())
    if name in CONSTANTS:
        return CONSTANTS[name]
    for scope in reversed(script.scopes):
        if name in scope:
            return scope[name]
    raise UnknownError(f"${name} was never set")


def get_verbatim_string_characters(script, node):
    return node.text.decode()[1:-1].replace("''", "'")


def get_expandable_string_literal(script, node):
    """Put the values of variables and of $(…) in; the text between is taken by its place in the source."""
    source, base = node.text, node.start_byte
    found, at = "", 1
    for child in node.children:
        if not child.is_named:
            continue
        found += unescaped(script, source[at : child.start_byte - base])
        found += text(script.value(child))
        at = child.end_byte - base
    end = len(source.rstrip()) - 1
    return found + unescaped(script, source[at:end])


def unescaped(script, source):
    found = re.sub("`.", lambda match: ESCAPES[match[0]], source.decode())
    if re.search(r"\$[A-Za-z({]", found):
        raise UnknownError(f"in a string: {found}")
    return found


def get_sub_expression(script, node):
    return script.capture(next(child for child in node.children if child.is_named))


def get_parenthesized_expression(script, node):
    return script.capture(next(child for child in node.children if child.is_named))


def get_array_expression(script, node):
    return listed(script.capture(next(child for child in node.children if child.is_named)))


def get_array_literal_expression(script, node):
    return [script.value(child) for child in parts(node) if child.type != ","]


def get_decimal_integer_literal(script, node):
    return int(node.text)


def get_expression_with_unary_operator(script, node):
    sign, operand = parts(node)
    if sign.type == "-not":
        return not truth(script.value(operand))
    raise UnknownError(node.text.decode())


def get_cast_expression(script, node):
    kind, operand = parts(node)
    if kind.text.lower() != b"[version]":
        raise UnknownError(node.text.decode())
    return tuple(int(part) for part in text(script.value(operand)).split("."))


def get_element_access(script, node):
    held, _, index, _ = parts(node)
    return script.value(held)[script.value(index)]


def get_type_literal(script, node):
    return Type(node.text.decode()[1:-1].lower())


def get_logical_expression(script, node):
    left, sign, right = parts(node)
    if sign.type != "-and":
        raise UnknownError(node.text.decode())
    return truth(script.value(left)) and truth(script.value(right))


def get_additive_expression(script, node):
    left, sign, right = parts(node)
    first, second = script.value(left), script.value(right)
    if sign.type != "+" or not isinstance(first, list) or not isinstance(second, list):
        raise UnknownError(node.text.decode())
    return first + second


def get_comparison_expression(script, node):
    left, sign, right = parts(node)
    first, second, how = script.value(left), script.value(right), sign.text.decode().lower()
    if how == "-ge":
        return first >= second
    if how == "-ne" and isinstance(first, int):
        return first != second
    if how == "-replace":
        return re.sub(second[0], second[1], text(first), flags=re.IGNORECASE)
    if how in ("-match", "-notmatch") and not isinstance(first, list):
        found = re.search(second, text(first), re.IGNORECASE)
        if found:
            script.scopes[-1]["matches"] = {0: found[0]}
        return bool(found) == (how == "-match")
    raise UnknownError(node.text.decode())


def get_member_access(script, node):
    held, sign, name = parts(node)
    owner, member = script.value(held), name.text.decode().lower()
    statics = {("console", "outputencoding"): script.encoding, ("text.encoding", "utf8"): "utf-8"}
    statics[("console", "error")] = Type("console.error")
    if sign.type == "::" and isinstance(owner, Type) and (owner.name, member) in statics:
        return statics[(owner.name, member)]
    if sign.type == "." and isinstance(owner, Found) and member == "providerpath":
        return owner.providerpath
    raise UnknownError(node.text.decode())


def get_invokation_expression(script, node):
    held, sign, name, given = parts(node)
    member = name.text.decode().lower()
    if member == "shouldprocess" and held.text.lower() == b"$pscmdlet":
        return should(script, *arguments(script, given))
    owner, values = script.value(held), arguments(script, given)
    if sign.type == "::" and owner == Type("regex") and member == "escape":
        return re.escape(values[0])
    if owner == Type("console.error") and member == "writeline":
        script.machine.complained += values[0].split("\n")
        return None
    texts = {"trim": str.strip, "trimend": str.rstrip, "replace": str.replace}
    if sign.type == "." and isinstance(owner, str) and member in texts:
        return texts[member](owner, *values)
    raise UnknownError(node.text.decode())


def arguments(script, node):
    found = [child for child in parts(node) if child.is_named]
    values = [parts(child) if child.type == "argument_expression_list" else [child] for child in found]
    return [script.value(one) for group in values for one in group if one.type != ","]


def should(script, target, action):
    wished = not script.scopes[0]["whatifpreference"]
    if not wished:
        script.machine.shown.append(f'What if: Performing the operation "{action}" on target "{target}".')
    return wished
