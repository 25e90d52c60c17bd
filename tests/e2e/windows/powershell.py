"""An evaluator for just as much PowerShell as deploy.ps1 uses; what it does not know it refuses, so nothing is skipped.

Semantics follow PowerShell where the script leans on them: comparisons fold case, a pipeline of one item is that item,
native output is decoded by the console's encoding and cut into lines, functions see their callers' variables.
"""

import re

from windows import expressions
from windows.syntax import (
    ExitError,
    Found,
    ReturnError,
    UnknownError,
    inner,
    listed,
    parameters,
    parse,
    parts,
    refuse,
    scalar,
    text,
    truth,
    words,
)


class Script:
    """One run of a script on a Windows machine (see windows.machine)."""

    def __init__(self, source, machine):
        self.root = parse(source)
        self.machine = machine
        self.functions = {}
        self.scopes = [{"psscriptroot": machine.script_root, "whatifpreference": False}]
        self.encoding = "cp437"
        self.captured = 0

    def run(self, arguments):
        """Run the script with its parameters by name; returns the exit code."""
        given = {name.lower(): value for name, value in arguments.items()}
        self.scopes[0]["whatifpreference"] = bool(given.pop("whatif", False))
        children = parts(self.root)
        if children[0].type != "param_block" or "SupportsShouldProcess" not in children[0].text.decode():
            raise UnknownError("a script without param and SupportsShouldProcess")
        self.bind(children[0], given, self.scopes[0])
        try:
            for child in children[1:]:
                self.block(child)
        except ExitError as stop:
            return stop.args[0]
        return 0

    # Statements

    def block(self, node):
        """Run a list of statements; returns what they put out."""
        out = []
        for child in parts(node):
            if child.type in ("{", "}"):
                continue
            out += self.block(child) if child.type in ("statement_list", "script_block_body") else self.statement(child)
        return out

    def statement(self, node):
        node = inner(node)
        known = getattr(self, f"do_{node.type}", None)
        if known:
            return known(node) or []
        found = listed(self.value(node))
        if found and not self.captured:
            self.machine.shown += [text(one) for one in found]
        return found

    def do_function_statement(self, node):
        name = next(child for child in node.children if child.type == "function_name").text.decode()
        self.functions[name.lower()] = node

    def do_if_statement(self, node):
        shape = [child.type for child in parts(node)]
        if shape != ["if", "(", "pipeline", ")", "statement_block"]:
            raise UnknownError(f"if: {shape}")
        return self.block(parts(node)[4]) if truth(self.capture(parts(node)[2])) else []

    def do_flow_control_statement(self, node):
        what, *rest = parts(node)
        value = self.capture(rest[0]) if rest else None
        if what.type == "exit":
            raise ExitError(int(value))
        if what.type == "return" and not rest:
            raise ReturnError
        raise UnknownError(node.text.decode())

    def do_assignment_expression(self, node):
        left, sign, right = parts(node)
        if sign.text != b"=":
            raise UnknownError(node.text.decode())
        value, target = self.capture(right), inner(left)
        if target.type == "member_access" and target.text == b"[Console]::OutputEncoding":
            self.encoding = value
        elif target.type == "variable" and target.text.lower().startswith(b"$env:"):
            self.machine.environment[target.text.decode()[5:]] = text(value)
        elif target.type == "variable" and target.text.count(b":") == 0:
            self.scopes[-1][target.text.decode()[1:].lower()] = value
        else:
            raise UnknownError(node.text.decode())

    def do_pipeline_chain(self, node):
        """`a | b | c`: what one puts out is what the next one is given."""
        commands = [child for child in parts(node) if child.type != "|"]
        if words(node) != ["|"] * (len(commands) - 1):
            raise UnknownError(node.text.decode())
        self.captured += 1
        items = listed(self.value(commands[0]))
        for command in commands[1:]:
            items = self.filter(command, items)
        self.captured -= 1
        return self.put(items)

    def put(self, items):
        if not self.captured:
            self.machine.shown += [text(one) for one in items]
        return items

    def capture(self, node):
        """Return the value of something whose output is wanted, and not shown."""
        self.captured += 1
        try:
            node = inner(node)
            known = node.type in ("pipeline_chain", "statement_list")
            return (
                scalar(self.block(node) if node.type == "statement_list" else self.statement(node))
                if known
                else (self.value(node))
            )
        finally:
            self.captured -= 1

    def value(self, node):
        node = inner(node)
        known = getattr(expressions, f"get_{node.type}", None)
        if not known:
            raise UnknownError(f"{node.type}: {node.text.decode()}")
        return known(self, node)

    # Commands

    def command(self, node):
        children = parts(node)
        if children[0].type == "command_invokation_operator":
            return self.native(node, children[1:])
        name = children[0].text.decode().lower()
        rest = [one for child in children[1:] for one in parts(child)]
        if name in self.functions:
            return self.call(self.functions[name], [self.value(one) for one in rest])
        built_in = {
            "write-host": self.write_host,
            "test-path": self.test_path,
            "get-command": self.get_command_named,
            "resolve-path": self.resolve_path,
        }
        if name not in built_in:
            raise UnknownError(node.text.decode())
        return built_in[name](self.options(rest))

    def options(self, nodes):
        """Return arguments by the parameter's name, those without one under the empty name."""
        found, name = {}, ""
        for node in nodes:
            if inner(node).type == "command_parameter":
                name = node.text.decode().lower()
            elif name in found:
                raise UnknownError(node.text.decode())
            else:
                bare = inner(node).type == "generic_token"
                found[name], name = (node.text.decode() if bare else self.value(node)), ""
        return found

    def native(self, node, children):
        """Run wsl.exe; shown as it is unless somebody reads it, else decoded and cut into lines as PowerShell does."""
        name, elements = children
        given = parts(elements)
        if name.text != b"wsl.exe" or len(given) != 1 or given[0].text != b"@Words":
            raise UnknownError(node.text.decode())
        answer = self.machine.wsl([text(one) for one in self.scopes[-1]["words"]], piped=self.captured > 0)
        self.scopes[0]["lastexitcode"] = answer.code
        self.machine.complained += answer.errors.decode().splitlines()
        if self.captured:
            return re.split(r"\r\n|\r|\n", answer.output.decode(self.encoding, "replace"))
        self.machine.shown += answer.output.decode().splitlines()
        return []

    def filter(self, node, items):
        name, elements = parts(node)
        block = inner(parts(elements)[0])
        if block.type != "script_block_expression":
            raise UnknownError(node.text.decode())
        body = next(child for child in block.children if child.is_named)
        found = []
        for item in items:
            self.scopes[-1]["_"] = item
            value = scalar(self.block_of(body))
            if name.text == b"ForEach-Object":
                found += listed(value)
            elif name.text == b"Where-Object":
                found += [item] if truth(value) else []
            else:
                raise UnknownError(node.text.decode())
        return found

    def block_of(self, node):
        self.captured += 1
        try:
            return listed(self.capture(node))
        finally:
            self.captured -= 1

    def call(self, function, given):
        scope = {}
        self.bind(function, given, scope)
        self.scopes.append(scope)
        try:
            return self.block(next(child for child in function.children if child.type == "script_block"))
        except ReturnError:
            return []
        finally:
            self.scopes.pop()

    def bind(self, node, given, scope):
        """Give a function or script its parameters: by place or by name, a default, or the type's empty value."""
        empty = {"string": "", "int": 0, "string[]": None}
        for place, parameter in enumerate(parameters(node)):
            name = next(child for child in parameter.children if child.type == "variable").text.decode()[1:].lower()
            kind = re.match(r"\[([a-z\[\]]+)\]\$", parameter.text.decode())[1]
            default = [child for child in parameter.children if child.type == "script_parameter_default"]
            if isinstance(given, dict) and name in given:
                value = given[name]
            elif isinstance(given, list) and place < len(given):
                value = given[place]
            else:
                value = self.value(default[0].children[1]) if default else empty[kind]
            scope[name] = {"string": text, "int": int, "string[]": listed}[kind](value)
        if isinstance(given, dict) and not set(given) <= set(scope):
            raise UnknownError(f"parameters: {sorted(set(given) - set(scope))}")

    def write_host(self, options):
        self.machine.shown.append(text(options.pop("")))
        return refuse(options)

    def test_path(self, options):
        if options.pop("-pathtype") != "Leaf":
            raise UnknownError("Test-Path")
        path = options.pop("-literalpath")
        refuse(options)
        return [self.machine.is_file(path)]

    def get_command_named(self, options):
        options.pop("-erroraction")
        name = options.pop("")
        refuse(options)
        return [name] if self.machine.has_wsl else []

    def resolve_path(self, options):
        found = Found(self.machine.absolute(options.pop("-literalpath")))
        refuse(options)
        return [found]
