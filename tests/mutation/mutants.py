"""The mutants: mutmut makes them, all of them; which are tried, and how they read."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path
from typing import Any

import libcst as cst
import mutmut.__main__ as mutmut
from mutmut.mutation import file_mutation, mutators
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import read_functions_from_index
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name, orig_function_and_class_names_from_key

WHERE = Path("mutants")
#: Decorators that say what a function in a class is bound to, which its copies must be too.
_BINDING = {"staticmethod", "classmethod"}


@dataclass(frozen=True)
class Mutant:
    """One changed place. ``name`` is mutmut's, so that ``mutmut show NAME`` and ``mutmut browse`` know it."""

    name: str
    path: Path

    @property
    def function(self) -> str:
        """The name under which calls of the function are counted."""
        return mangled_name_from_mutant_name(self.name)

    @property
    def package(self) -> str:
        return self.path.parts[0]

    @property
    def place(self) -> str:
        """``bp/softmax.py: SoftmaxLayer.forward``."""
        function, owner = orig_function_and_class_names_from_key(self.name)
        return f"{self.path}: {owner}.{function}" if owner else f"{self.path}: {function}"

    def change(self) -> tuple[str, str]:
        """What was there and what is there now, each as its changed lines without their margins."""
        functions = read_functions_from_index(self.name, self.path)
        if functions is None:
            raise LookupError(f"mutmut has lost the lines of {self.name}; remove the folder {WHERE}/ and start again")
        before, after = (_lines(function) for function in functions)
        changed = list(unified_diff(before, after, lineterm="", n=0))[3:]
        gone, come = (" ".join(line[1:].strip() for line in changed if line.startswith(sign)) for sign in "-+")
        return gone, come


def _lines(function: object) -> list[str]:
    return cst.Module([function]).code.splitlines()  # type: ignore[list-item]


def _mutate_decorated_functions() -> None:
    """mutmut leaves decorated functions alone, and ours are decorated where they matter: every message is `checked`.

    Its switch between the original and the mutants goes beneath the decorators, which the copies then do without.
    """
    skips, arranges = (
        file_mutation.MutationVisitor._skip_node_and_children,
        file_mutation.function_trampoline_arrangement,
    )

    def skip(visitor: file_mutation.MutationVisitor, node: cst.CSTNode) -> bool:
        bare = node.with_changes(decorators=()) if isinstance(node, cst.FunctionDef) else node
        return skips(visitor, bare)

    def arrange(function: cst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> tuple[Any, ...]:
        empty, (switch, *copies), assignments, names = arranges(function, mutants, class_name)
        kept = [each for each in function.decorators if getattr(each.decorator, "value", "") in _BINDING]
        copies = [copy.with_changes(decorators=kept) for copy in copies]
        return empty, [switch, *copies], assignments, names

    file_mutation.MutationVisitor._skip_node_and_children = skip
    file_mutation.function_trampoline_arrangement = arrange


def _leave_strict_alone() -> None:
    """No mutants of what `zip` is told of ``strict``.

    Where it is True the lengths are the same by how both are made, as the linter wants it said; so nothing could tell
    such a mutant from its original, here as there, and a list of three hundred of them would hide the others.
    """
    skips = file_mutation.MutationVisitor._skip_node_and_children

    def skip(visitor: file_mutation.MutationVisitor, node: cst.CSTNode) -> bool:
        return _is_strict(node) or skips(visitor, node)

    def remove(call: cst.Call) -> Iterator[cst.Call]:
        for mutant in mutators.operator_arg_removal(call):
            kept = [argument for argument in mutant.args if _is_strict(argument)]
            if kept == [argument for argument in call.args if _is_strict(argument)]:
                yield mutant

    file_mutation.MutationVisitor._skip_node_and_children = skip
    operators = file_mutation.mutation_operators
    operators[operators.index((cst.Call, mutators.operator_arg_removal))] = (cst.Call, remove)


def _is_strict(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == "strict"


def make(processes: int) -> list[Mutant]:
    """A copy of the project with every mutant in it, under ``mutants/``; imports find it from now on."""
    _mutate_decorated_functions()
    _leave_strict_alone()
    shutil.rmtree(WHERE, ignore_errors=True)
    WHERE.mkdir()
    # What mutmut's own command does before it runs the tests.
    mutmut.set_mutant_under_test("mutant_generation")
    with mutmut.CatchOutput():
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        mutmut.create_mutants(processes)
    mutmut.set_mutant_under_test("")
    return [Mutant(name, path) for path in sorted(walk_mutatable_files()) for name in _data(path).exit_code_by_key]


def _data(path: Path) -> SourceFileMutationData:
    data = SourceFileMutationData(path=path)
    data.load()
    return data


def sample(mutants: Iterable[Mutant], sizes: dict[str, int], seed: int) -> list[Mutant]:
    """Of the packages in ``sizes``, so many mutants drawn without replacement; of the others, all.

    A mutant's place in the draw depends on the seed and on its name alone. So the same seed draws the same mutants
    after a change, apart from those that the change itself has added or removed, and two runs can be compared.
    """
    by_package: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_package[mutant.package].append(mutant)
    chosen = []
    for package, all_of_it in sorted(by_package.items()):
        drawn = sorted(all_of_it, key=lambda mutant: sha256(f"{seed} {mutant.name}".encode()).digest())
        chosen += sorted(drawn[: sizes.get(package, len(drawn))], key=lambda mutant: mutant.name)
    return chosen


def keep(codes: dict[Mutant, int]) -> None:
    """Write the outcomes to where mutmut's own commands (``results``, ``show``, ``browse``) look for them."""
    by_path: dict[Path, dict[str, int]] = defaultdict(dict)
    for mutant, code in codes.items():
        by_path[mutant.path][mutant.name] = code
    for path, found in by_path.items():
        data = _data(path)
        data.exit_code_by_key.update(found)
        data.save()
