#!/usr/bin/env python3
"""Checks who includes whom: the directories are the architecture, and this holds them to it.

Usage: include_directions.py SOURCE_TREE. Prints one line per violation; exits 1 if there is one, or
if a rule matched no file (a rule that looks at nothing would always pass).
"""
import re
import sys
from pathlib import Path

C_HEADERS = {"<assert.h>", "<float.h>", "<limits.h>", "<math.h>", "<stddef.h>", "<stdint.h>",
             "<string.h>"}

# Rooms of core, and which other rooms of core each may see. Every room sees itself and include/.
CORE_ROOMS = {
    "base": [],
    "platform": ["base"],
    "kernels": ["base", "platform"],
    "selection": ["base", "platform", "kernels"],
    "data": ["base", "platform", "kernels"],
    "network": ["base", "platform", "kernels"],
    "training": ["base", "platform", "kernels", "data", "network"],
    "model": ["base", "kernels", "network"],
    "c_api": ["base"],
}
# The kernel contract of backends/ itself: what tables, executors and their factory look like.
CONTRACT = r"backends/[^/]*"


def core_rule(room, others):
    rooms = "|".join([room, *others])
    contract = "|" + CONTRACT if room == "selection" else ""
    return (rf"core/{room}/.*", rf"include/lamella/.*|core/({rooms})/[^/]*{contract}", False)


# (files, what of ours they may include, whether C headers are all of the system they may see).
# The first rule whose pattern matches a file is the file's rule.
OURS = [
    (r"include/lamella/(plugin|export)\.h", r"", True),
    (r"include/lamella/(cblas|lamella)\.h", r"include/lamella/export\.h", True),
    (r"include/lamella/.*", r"include/lamella/.*", False),
    *(core_rule(room, others) for room, others in CORE_ROOMS.items()),
    # What instruction-set units see: the kernel table, C headers and (simd) xsimd.
    (r"backends/kernel_table\.h", r"", True),
    (r"backends/scalar/.*", r"backends/(kernel_table\.h|scalar/.*)", True),
    (r"backends/simd/.*", r"backends/(kernel_table\.h|simd/.*)", True),
    (r"backends/kernel_tables\.cpp", r"backends/(driver_backend|(scalar|simd)/.*tables?)\.h", False),
    # Executors know threads and nothing about arithmetic.
    (r"backends/(openmp|tbb)/.*",
     r"backends/executor\.h|backends/(openmp|tbb)/.*|core/platform/(floating_point|forked_process|thread_probe)\.h",
     False),
    (r"backends/(executor|adaptive_threading)\.h", r"backends/executor\.h", False),
    # Drivers know no instruction set and no thread library.
    (r"backends/driver/.*",
     r"include/lamella/.*|backends/(kernel_table|executor)\.h|backends/driver/.*|core/platform/fork_aware_lock\.h",
     False),
    # The plan runner, which decides on threads, stands above the drivers.
    (r"backends/threading/.*",
     r"include/lamella/.*|backends/(kernel_table|executor|adaptive_threading)\.h|backends/(driver|threading)/.*",
     False),
    # Made of all of them: the one factory of built-in backends.
    (r"backends/driver_backend\.(h|cpp)",
     r"include/lamella/.*|backends/[^/]*|backends/(driver|threading)/.*", False),
    # The interface of another library, on top of this one.
    (r"cblas/.*", r"(include/lamella|cblas)/.*", False),
    (r"bench/roofline/.*", r"(include/lamella|bench/roofline)/.*", False),
    (r"bench/workloads/.*", r"(include/lamella|bench/workloads)/.*", False),
    (r"bench/.*", r"(include/lamella|bench)/.*", False),
    # The program writes files as the library does, and looks at the same limits of memory.
    (r"tools/lamella/io/.*", r"(include/lamella|tools|core/base|core/platform)/.*", False),
    (r"tools/lamella/(commands|measure)/.*", r"(include/lamella|tools|bench)/.*", False),
    (r"tools/.*", r"(include/lamella|tools)/.*", False),
    (r"examples/.*", r"(include/lamella|examples)/.*", False),
    (r"tests/consumer/.*", r"include/lamella/.*", False),
    (r"tests/.*", r"(include/lamella|core|backends|tests|tools|examples)/.*", False),
]
# Directories that every lamella checkout has; without a file in each the check looked at nothing.
EXPECTED = ["include/lamella", *(f"core/{room}" for room in CORE_ROOMS), "backends", "backends/driver",
            "backends/threading", "backends/scalar", "backends/simd", "tests"]

# Whose business a library is. A header not named here may be included from anywhere that may
# include system headers at all.
LIBRARIES = [
    (r"<xsimd/.*>", r"backends/simd/.*|bench/.*"),
    (r"<(.*intrin|arm_neon)\.h>", r"backends/simd/.*|bench/.*"),
    (r"<omp\.h>", r"backends/openmp/.*|bench/.*|tests/.*"),
    (r"<(oneapi/)?tbb/.*>", r"backends/tbb/.*|bench/.*|tests/.*"),
    (r"<cpuid\.h>", r"core/platform/cpu\.cpp|bench/.*"),
    (r"<dlfcn\.h>", r"core/selection/.*|tests/.*|bench/peers/.*"),
    # Libraries that lamella is measured beside, and that nothing of it may depend on.
    (r"<(Eigen/.*|dnnl\.hpp|libxsmm\.h|dlib/.*|floatfann\.h|tiny_dnn/.*)>", r"bench/peers/.*"),
    (r"<Random123/.*>", r"core/base/.*|tests/.*"),
    (r"<zlib\.h>", r"core/(base|data)/.*|tests/.*"),
    (r"<nlohmann/.*>", r"core/.*|tools/.*|bench/.*|tests/.*"),
    (r"<fmt/.*>", r"core/.*|tools/.*|bench/.*|tests/.*"),
    (r"<CLI/.*>", r"(tools|bench)/.*"),
    (r"<benchmark/.*>", r"bench/.*"),
    (r"<catch2/.*>", r"tests/catch\.h"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]*>|"[^"]*")', re.MULTILINE)
CONDITIONAL = re.compile(r"^\s*#\s*(?:if|ifdef|elif)\b.*", re.MULTILINE)


def sources(tree):
    for top in ("include", "core", "backends", "cblas", "bench", "tools", "tests", "examples"):
        for path in sorted((tree / top).rglob("*")):
            if path.suffix in (".h", ".hpp", ".c", ".cpp"):
                yield path.relative_to(tree).as_posix()


def resolve(tree, file, include):
    """The file of ours that an #include means, relative to the tree, or None."""
    name = include[1:-1]
    if include.startswith("<"):
        return f"include/{name}" if name.startswith("lamella/") else None
    beside = (tree / file).parent / name
    if beside.exists():
        return beside.resolve().relative_to(tree).as_posix()
    return name


def violations(tree):
    for file in sources(tree):
        text = (tree / file).read_text()
        rule = next((rule[1:] for rule in OURS if re.fullmatch(rule[0], file)), None)
        if rule is None:
            yield f"{file} stands in no room that a rule knows"
            continue
        ours, c_only = rule
        for include in INCLUDE.findall(text):
            target = resolve(tree, file, include)
            if target is not None:
                if not re.fullmatch(ours, target):
                    yield f"{file} must not include {include}"
                elif not (tree / target).exists():
                    yield f"{file} includes {include}, which does not exist"
                continue
            library = next((who for what, who in LIBRARIES if re.fullmatch(what, include)), None)
            if library is not None:
                if not re.fullmatch(library, file):
                    yield f"{file} must not include {include}"
            elif c_only and include not in C_HEADERS:
                yield f"{file} must not include {include}: C headers only"
        if file.startswith("include/"):
            for line in CONDITIONAL.findall(text):
                # Which language and which compiler, but not which flags.
                if re.search(r"\b(?!if|elif|ifdef|defined|__cplusplus|__GNUC__)[A-Za-z_]\w*", line):
                    yield f"{file}: '{line.strip()}': public headers do not change with flags"


def main():
    tree = Path(sys.argv[1]).resolve()
    found = list(violations(tree))
    files = list(sources(tree))
    for directory in EXPECTED:
        if not any(str(Path(file).parent) == directory for file in files):
            found.append(f"{directory}: no source found")
    for line in found:
        print(line)
    print(f"{len(files)} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
