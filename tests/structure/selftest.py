#!/usr/bin/env python3
"""Shows that the structure checks can fail: each is run on samples with exactly one fault.

Usage: CXX=compiler NM=nm selftest.py
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent

# The least tree that passes.
CLEAN_TREE = {
    "include/lamella/view.h": "#include <cstddef>\n",
    **{f"core/{room}/{room}.cpp": "#include <lamella/view.h>\n"
       for room in ("base", "platform", "kernels", "selection", "data", "network", "training",
                    "model", "c_api")},
    "backends/driver_backend.cpp": "#include <lamella/view.h>\n",
    "backends/driver/gemm_driver.cpp": "#include <lamella/view.h>\n",
    "backends/threading/team.cpp": '#include "backends/executor.h"\n',
    "backends/executor.h": "#include <memory>\n",
    "backends/kernel_table.h": "#include <stddef.h>\n",
    "backends/scalar/table.cpp": '#include "backends/kernel_table.h"\n',
    "backends/simd/avx2_f32.cpp": '#include <xsimd/xsimd.hpp>\n#include "backends/kernel_table.h"\n',
    "tests/catch.h": "#include <catch2/catch.hpp>\n",
}

CLEAN_UNIT = """
namespace lamella::backends {
namespace { [[gnu::noinline]] float twice(float x) { return x + x; } }
extern float (*const table)(float);
float (*const table)(float) = &twice;
}
"""


def run(script, *arguments, **environment):
    result = subprocess.run([sys.executable, HERE / script, *arguments], capture_output=True,
                            text=True, env={**os.environ, **environment})
    return result.returncode, result.stdout + result.stderr


class References(unittest.TestCase):
    FILES = {
        "README.md": "# Top\n\n[the page](docs/page.md#two-words), [below](#top), [web](http://a/b#c)\n",
        "docs/page.md": "# Two words\n\n## Two words\n\n[code](../core/a/b.h) [the\nsecond](#two-words-1)\n"
                        "`Thing::first()`, `run_`\n",
        "docs/performance/log.md": "# Log\n\nin core/gone.cpp\n",
        "core/a/b.h": "// docs/page.md#two-words, core/a/b.h and any README.md\n"
                      "#ifndef LAMELLA_CORE_A_B_H_\n#define LAMELLA_CORE_A_B_H_\n"
                      "struct Thing { void first(); };\n#endif  // LAMELLA_CORE_A_B_H_\n",
        "include/lamella/view.h": "#ifndef LAMELLA_VIEW_H_\n#define LAMELLA_VIEW_H_\n"
                                  "#endif /* LAMELLA_VIEW_H_ */\n",
        "tests/x.cmake": "add_executable(x other/y.c)  # docs/page.md\n",
    }

    def check(self, files):
        with tempfile.TemporaryDirectory() as tree:
            for top in ("backends", "bench", "cblas", "cmake", "core", "docs", "examples",
                        "include", "packaging", "tests", "tools"):
                Path(tree, top).mkdir()
            for name, text in files.items():
                path = Path(tree, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return run("references.py", tree)

    def rejects(self, file, old, new, message):
        text = self.FILES[file].replace(old, new)
        self.assertNotEqual(text, self.FILES[file])
        code, output = self.check({**self.FILES, file: text})
        self.assertEqual(code, 1, output)
        self.assertIn(f"{file} {message}", output)
        self.assertIn(" 1 faults", output)

    def test_clean_tree_passes(self):
        code, output = self.check(self.FILES)
        self.assertEqual(code, 0, output)

    def test_an_empty_tree_is_an_error(self):
        self.assertEqual(self.check({})[0], 1)

    def test_links_of_pages(self):
        self.rejects("README.md", "docs/page.md", "docs/gone.md", "links to docs/gone.md")
        self.rejects("README.md", "#two-words", "#three-words", "links to docs/page.md#three-words")
        self.rejects("README.md", "(#top)", "(#bottom)", "links to #bottom")
        self.rejects("docs/page.md", "b.h", "c.h", "links to ../core/a/c.h")
        self.rejects("docs/page.md", "words-1", "words-2", "links to #two-words-2")

    def test_names_of_pages(self):
        self.rejects("core/a/b.h", "docs/page.md#", "docs/gone.md#", "names docs/gone.md")
        self.rejects("core/a/b.h", "#two", "#three", "names docs/page.md#three-words")
        self.rejects("core/a/b.h", "README.md", "MATH.md", "names MATH.md")
        self.rejects("tests/x.cmake", "page.md", "gone.md", "names docs/gone.md")

    def test_paths_of_sources(self):
        self.rejects("core/a/b.h", "core/a/b.h", "core/a/b.cpp", "names core/a/b.cpp")
        self.rejects("tests/x.cmake", "docs/page.md", "tests/gone.cpp", "names tests/gone.cpp")

    def test_names_in_code(self):
        self.rejects("docs/page.md", "first()", "last()", "names Thing::last, which no source has")

    def test_guards(self):
        self.rejects("core/a/b.h", "ifndef LAMELLA_CORE", "ifndef LAMELLA", "does not begin")
        self.rejects("core/a/b.h", "define LAMELLA_CORE", "define LAMELLA", "does not begin")
        self.rejects("core/a/b.h", "endif  // LAMELLA_CORE_A_B_H_", "endif", "does not end")
        self.rejects("include/lamella/view.h", "ifndef LAMELLA", "ifndef LAMELLA_LAMELLA",
                     "does not begin")


class Version(unittest.TestCase):
    FILES = {
        "CMakeLists.txt": "project(lamella VERSION 1.2.3 LANGUAGES CXX)\n",
        "CHANGELOG.md": "## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n## [1.1.0] - 2026-01-01\n",
        "packaging/vcpkg/lamella/vcpkg.json": '{"version": "1.2.3"}\n',
        "docs/page.md": "liblamella.so.1.2.3, liblamella1.2, LAMELLA_1.2, find_package(lamella 1.2),\n"
                        "GIT_TAG v1.2.3, lamella/1.2.3\n| 1.2 | yes |\n",
        "docs/performance/log.md": "lamella 0.9.0 was slower\n",
    }

    def check(self, files):
        with tempfile.TemporaryDirectory() as tree:
            for name, text in files.items():
                path = Path(tree, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return run("version.py", tree)

    def rejects(self, file, old, new, message):
        text = self.FILES[file].replace(old, new, 1)
        self.assertNotEqual(text, self.FILES[file])
        code, output = self.check({**self.FILES, file: text})
        self.assertEqual(code, 1, output)
        self.assertIn(message, output)
        self.assertIn("1 faults", output)

    def test_clean_tree_passes(self):
        code, output = self.check(self.FILES)
        self.assertEqual(code, 0, output)

    def test_texts(self):
        for mention in ("liblamella.so.1.2.3", "liblamella1.2", "LAMELLA_1.2", "lamella 1.2",
                        "v1.2.3", "lamella/1.2.3", "| 1.2 |"):
            self.rejects("docs/page.md", mention, mention.replace("1.2", "1.1"), "docs/page.md says")
        self.rejects("docs/page.md", self.FILES["docs/page.md"], "", "no text names the version")

    def test_port_and_changelog(self):
        self.rejects("packaging/vcpkg/lamella/vcpkg.json", "1.2.3", "1.2.4", "vcpkg.json says 1.2.4")
        self.rejects("CHANGELOG.md", "[1.2.3]", "[1.2.4]", "newest version in CHANGELOG.md is 1.2.4")
        self.rejects("CHANGELOG.md", "2026-01-31", "2026-01-32", "'2026-01-32', which is none")
        self.rejects("CHANGELOG.md", " - 2026-01-01", "", "'', which is none")
        self.rejects("CHANGELOG.md", "## [Unreleased]", "", "no heading [Unreleased]")

    def test_no_version(self):
        self.rejects("CMakeLists.txt", " VERSION 1.2.3", "", "has no project")


class EditorConfig(unittest.TestCase):
    CONFIG = ("root = true\n[*]\ncharset = utf-8\nend_of_line = lf\ninsert_final_newline = true\n"
              "trim_trailing_whitespace = true\nindent_style = space\n"
              "[*.{c,cpp,h}]\nindent_size = 2\nmax_line_length = 100\n")

    def check(self, code=b"int x;\n", config=CONFIG):
        with tempfile.TemporaryDirectory() as tree:
            for name, content in ((".editorconfig", config.encode()), ("core/a.cpp", code),
                                  (".clang-format", b"BasedOnStyle: Google\nColumnLimit: 100\n")):
                path = Path(tree, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            return run("editorconfig.py", tree)

    def test_clean_tree_passes(self):
        code, output = self.check()
        self.assertEqual(code, 0, output)

    def test_faults(self):
        for content, message in ((b"\xff\n", "is not UTF-8"), (b"a;\r\n", "carriage returns"),
                                 (b"\ta;\n", "tabs"), (b"a; \n", "blanks at the end"),
                                 (b"a;", "one newline"), (b"a;\n\n", "one newline")):
            code, output = self.check(content)
            self.assertEqual(code, 1, output)
            self.assertIn("core/a.cpp", output)
            self.assertIn(message, output)
        for old, key in (("100", "max_line_length"), ("size = 2", "indent_size")):
            code, output = self.check(config=self.CONFIG.replace(old, old[:-1] + "4"))
            self.assertEqual(code, 1, output)
            self.assertIn(f"another {key}", output)


class Workflows(unittest.TestCase):
    WORKFLOW = """
jobs:
  build:
    strategy:
      matrix:
        include:
          - configure: --preset release -DLAMELLA_WITH_A=OFF
            preset: release
            packages: build tests
            tests: -E '^one$'
    steps:
      - uses: actions/checkout@v5
      - run: tools/install-deps ${{ matrix.packages }}  # no tools/gone
      - run: tools/install-deps build
      - run: cmake ${{ matrix.configure }}
      - run: python3 tests/long.py --all
      - run: ctest --preset release -L slow
"""

    def check(self, workflow, executable=True):
        preset = {"name": "release"}
        with tempfile.TemporaryDirectory() as tree:
            for name, text in {
                    ".github/workflows/a.yml": workflow,
                    "CMakePresets.json": json.dumps(
                        {kind + "Presets": [preset, {"name": "base", "hidden": True}]
                         for kind in ("configure", "build", "test")}),
                    "CMakeLists.txt": "option(LAMELLA_WITH_A OFF)\n",
                    "tools/packages.txt": "# group package\nbuild g++\ntests python3\n",
                    "tools/install-deps": "",
                    "tests/long.py": "parser.add_argument('--all')",
                    "build/CTestTestfile.cmake": "add_test(one true)\nadd_test(two true)\n"
                                                 "set_tests_properties(two PROPERTIES LABELS slow)\n",
            }.items():
                path = Path(tree, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            if executable:
                Path(tree, "tools/install-deps").chmod(0o755)
            # Without actionlint, which would not like so little of a workflow.
            return run("workflows.py", tree, "--build", Path(tree, "build"), PATH=self.path(tree))

    @staticmethod
    def path(tree):
        """A PATH with what the script starts, and nothing else."""
        programs = Path(tree, "bin")
        programs.mkdir()
        (programs / "ctest").symlink_to(shutil.which("ctest"))
        return str(programs)

    def rejects(self, old, new, message):
        workflow = self.WORKFLOW.replace(old, new, 1)
        self.assertNotEqual(workflow, self.WORKFLOW)
        code, output = self.check(workflow)
        self.assertEqual(code, 1, output)
        self.assertIn(message, output)
        self.assertIn("1 faults", output)

    def test_clean_workflow_passes(self):
        code, output = self.check(self.WORKFLOW)
        self.assertEqual(code, 0, output)

    def test_names(self):
        self.rejects("tests/long.py", "tests/gone.py", "names tests/gone.py")
        self.rejects("--all", "--al", "gives tests/long.py the option --al")
        self.rejects("--preset release -L", "--preset debug -L", "names the preset debug")
        self.rejects("            preset: release", "            preset: base", "names the preset base")
        self.rejects("WITH_A", "WITH_B", "sets LAMELLA_WITH_B")
        self.rejects("build tests", "build test", "installs test")
        self.rejects("install-deps build", "install-deps builds", "installs builds")
        self.rejects("-L slow", "-L fast", "names the tests fast")
        self.rejects("^one$", "^three$", "names the tests ^three$")

    def test_steps(self):
        self.rejects("@v5", "@main", "uses actions/checkout@main")
        self.rejects("run: python3 tests/long.py --all", "run: |\n          true", "several lines")
        code, output = self.check(self.WORKFLOW, executable=False)
        self.assertEqual(code, 1, output)
        self.assertIn("runs tools/install-deps, which is not executable", output)

    def test_nothing_to_check(self):
        code, output = self.check("")
        self.assertEqual(code, 1, output)
        self.assertIn("there is no step", output)
        self.assertIn("no workflow uses the preset release", output)


class IncludeDirections(unittest.TestCase):
    def check(self, **changes):
        with tempfile.TemporaryDirectory() as tree:
            for name, text in {**CLEAN_TREE, **changes.get("files", {})}.items():
                if text is not None:
                    path = Path(tree, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)
            return run("include_directions.py", tree)

    def rejects(self, file, text, message):
        code, output = self.check(files={file: text})
        self.assertEqual(code, 1, output)
        self.assertIn(message, output)
        self.assertIn("1 violations", output)

    def test_clean_tree_passes(self):
        code, output = self.check()
        self.assertEqual(code, 0, output)

    def test_backend_including_core(self):
        self.rejects("backends/driver/gemm_driver.cpp", '#include "core/kernels/checks.h"\n', "backends/driver/gemm_driver.cpp")

    def test_core_including_backends(self):
        self.rejects("core/network/network.cpp", '#include "backends/kernel_table.h"\n', "core/network/network.cpp")

    def test_selection_may_name_backends_but_not_reach_into_one(self):
        good = {"core/selection/selection.cpp": '#include "backends/kernel_table.h"\n'}
        self.assertEqual(self.check(files=good)[0], 0)
        self.rejects("core/selection/selection.cpp", '#include "backends/simd/avx2_f32.cpp"\n', "selection.cpp")

    def test_public_header_including_core(self):
        self.rejects("include/lamella/view.h", '#include "core/kernels/checks.h"\n', "view.h")

    def test_public_header_with_a_library(self):
        self.rejects("include/lamella/view.h", "#include <omp.h>\n", "<omp.h>")

    def test_public_header_that_changes_with_flags(self):
        self.rejects("include/lamella/view.h", "#ifdef __AVX2__\n#endif\n", "__AVX2__")

    def test_instruction_set_unit_with_the_standard_library(self):
        self.rejects("backends/simd/avx2_f32.cpp", "#include <vector>\n", "C headers only")

    def test_instruction_set_unit_with_a_public_header(self):
        self.rejects("backends/simd/avx2_f32.cpp", "#include <lamella/view.h>\n", "lamella/view.h")

    def test_driver_with_threads_or_instruction_sets(self):
        for header in ("<omp.h>", "<oneapi/tbb/task.h>", "<immintrin.h>", "<xsimd/xsimd.hpp>"):
            self.rejects("backends/driver/gemm_driver.cpp", f"#  include {header}\n", header)

    def test_header_that_does_not_exist(self):
        self.rejects("core/network/network.cpp", '#include "core/base/nowhere.h"\n', "does not exist")

    def test_missing_directory(self):
        self.rejects("backends/scalar/table.cpp", None, "no source found")

    def test_room_of_core_reaching_up(self):
        for file, target in (("core/base/base.cpp", "core/kernels/checks.h"),
                             ("core/data/data.cpp", "core/network/workspace.h"),
                             ("core/network/network.cpp", "core/data/gather.h"),
                             ("core/model/model.cpp", "core/training/augment.h"),
                             ("core/c_api/c_api.cpp", "core/model/safetensors.h")):
            self.rejects(file, f'#include "{target}"\n', file)

    def test_room_of_core_including_a_room_below(self):
        good = {"core/training/training.cpp": '#include "core/network/parameters.h"\n',
                "core/network/parameters.h": "#include <vector>\n"}
        self.assertEqual(self.check(files=good)[0], 0)

    def test_driver_that_runs_plans(self):
        self.rejects("backends/driver/gemm_driver.cpp", '#include "backends/threading/team.h"\n',
                     "threading/team.h")

    def test_executor_that_knows_kernels(self):
        self.rejects("backends/executor.h", '#include "backends/kernel_table.h"\n', "executor.h")

    def test_file_that_stands_in_no_room(self):
        self.rejects("core/stray.cpp", "", "stands in no room")


class IsaSymbols(unittest.TestCase):
    def check(self, code):
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory, "unit.cpp")
            source.write_text(code)
            subprocess.run([os.environ["CXX"], "-std=c++20", "-O2", "-c", source, "-o",
                            f"{source}.o"], check=True)
            objects = Path(directory, "objects.txt")
            objects.write_text(f"{source}.o\n")
            return run("isa_symbols.py", "--nm", os.environ["NM"], "--objects", objects, "unit.cpp")

    def rejects(self, code, message):
        status, output = self.check(code)
        self.assertEqual(status, 1, output)
        self.assertIn(message, output)

    def test_clean_unit_passes(self):
        status, output = self.check(CLEAN_UNIT)
        self.assertEqual(status, 0, output)

    def test_inline_function_left_out_of_line(self):
        self.rejects(CLEAN_UNIT + """
            namespace lamella::backends {
            [[gnu::noinline]] inline float half(float x) { return x / 2; }
            float quarter(float x) { return half(half(x)); }
            }""", "weak symbol")

    def test_global_outside_the_namespace(self):
        self.rejects(CLEAN_UNIT + "float stray(float x) { return x; }", "outside lamella::backends")

    def test_call_into_the_standard_library(self):
        self.rejects(CLEAN_UNIT + """
            namespace std { void terminate() noexcept; }
            namespace lamella::backends { void stop() { std::terminate(); } }""", "calls C++ code")

    def test_static_initialiser(self):
        self.rejects(CLEAN_UNIT + """
            extern "C" int detect();
            namespace lamella::backends { extern int found; int found = detect(); }""",
                     "code outside lamella::backends")

    def test_missing_object(self):
        with tempfile.NamedTemporaryFile() as empty:
            status, output = run("isa_symbols.py", "--objects", empty.name, "unit.cpp")
        self.assertEqual(status, 1)
        self.assertIn("0 objects", output)


class ExportedSymbols(unittest.TestCase):
    HEADER = """
        class LAMELLA_API Shown { public: void f(); void g() &&; void h() const&; };
        template <class T>
        LAMELLA_API T twice(T x);
        """.replace("\n        ", "\n")
    SOURCE = """
        namespace lamella {
        void Shown::f() {}
        void Shown::g() && {}
        void Shown::h() const& {}
        template <class T> T twice(T x) { return x + x; }
        template float twice(float);
        }
        """

    def check(self, source="", header=""):
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "api.h").write_text(self.HEADER + header)
            Path(directory, "unit.cpp").write_text(
                '#define LAMELLA_API [[gnu::visibility("default")]]\n'
                'namespace lamella {\n#include "api.h"\n}\n' + self.SOURCE + source)
            subprocess.run([os.environ["CXX"], "-std=c++20", "-shared", "-fPIC",
                            "-fvisibility=hidden", Path(directory, "unit.cpp"), "-o",
                            Path(directory, "lib.so")], check=True)
            return run("exported_symbols.py", "--nm", os.environ["NM"],
                       Path(directory, "lib.so"), Path(directory, "api.h"))

    def rejects(self, message, **code):
        status, output = self.check(**code)
        self.assertEqual(status, 1, output)
        self.assertIn(message, output)
        self.assertIn(" 1 faults", output)

    def test_clean_library_passes(self):
        status, output = self.check("namespace lamella { void inside() {} }")
        self.assertEqual(status, 0, output)

    def test_symbol_that_is_not_declared(self):
        self.rejects("stray", source="""
            namespace lamella { [[gnu::visibility("default")]] void stray() {} }""")

    def test_symbol_of_another_library(self):
        self.rejects("other", source="""
            namespace other { [[gnu::visibility("default")]] void f() {} }""")

    def test_inside_of_a_class(self):
        self.rejects("Impl", header="class LAMELLA_API Owner { public: struct Impl { void g(); }; "
                                    "void f(); };\n",
                     source="void lamella::Owner::Impl::g() {} void lamella::Owner::f() {}")

    def test_name_that_does_not_show(self):
        self.rejects("lost is marked", header="LAMELLA_API void lost();\n")


if __name__ == "__main__":
    unittest.main()
