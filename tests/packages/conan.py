#!/usr/bin/env python3
"""Checks the Conan recipe without Conan: stand-ins for its modules record what the recipe does.

Usage: conan.py SOURCE_TREE. The recipe's version must be CMakeLists.txt's, the CMake options it sets
must exist, and the sources it exports must be there and be all that a build without tests needs.
"""
import importlib.util
import re
import sys
import types
from pathlib import Path


class Recorder:
    """Whatever the recipe calls on it: attributes are recorders, calls give the recorder."""

    def __init__(self, *_):
        self.cache_variables = {}
        made.append(self)

    def __getattr__(self, _):
        return lambda *args, **kwargs: None


made = []


def stub(name, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


def main():
    tree = Path(sys.argv[1]).resolve()
    folder = tree / "packaging" / "conan"
    copied = []
    stub("conan", ConanFile=object)
    stub("conan.tools")
    stub("conan.tools.build", check_min_cppstd=lambda *_: None)
    stub("conan.tools.cmake", CMake=Recorder, CMakeDeps=Recorder, CMakeToolchain=Recorder,
         cmake_layout=lambda *_: None)
    stub("conan.tools.files", load=lambda _, path: Path(path).read_text(),
         copy=lambda _, pattern, src, dst: copied.append((pattern, list(Path(src).glob(pattern)))))
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("conanfile", folder / "conanfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    recipe = module.LamellaConan()
    recipe.recipe_folder = str(folder)
    recipe.export_sources_folder = ""
    recipe.source_folder = str(tree)
    recipe.package_folder = ""
    recipe.settings = types.SimpleNamespace(os="Linux")
    recipe.options = types.SimpleNamespace(**recipe.default_options,
                                           get_safe=recipe.default_options.get)
    required = []
    recipe.requires = lambda reference, **_: required.append(reference.partition("/")[0])
    recipe.cpp_info = types.SimpleNamespace(set_property=lambda *_: None)
    cmake = (tree / "CMakeLists.txt").read_text()

    assert set(recipe.options.__dict__) - {"get_safe"} == set(recipe.__class__.options)
    recipe.set_version()
    assert f"project(lamella VERSION {recipe.version} " in cmake, recipe.version
    recipe.export_sources()
    for pattern, files in copied:
        assert files, f"{pattern} matches nothing"
    directories = set(re.findall(r"^ *add_subdirectory\((\w+)\)", cmake, re.MULTILINE))
    exported = {pattern.partition("/")[0] for pattern, _ in copied}
    # What CMake scripts read or install, whatever the options.
    for script in (tree / "cmake").glob("*.cmake"):
        directories |= set(re.findall(r"\$\{PROJECT_SOURCE_DIR\}/([\w.-]+)", script.read_text()))
    missing = directories - exported - {"tests", "examples", "bench"}
    assert not missing, f"not exported: {missing}"
    recipe.requirements()
    assert {"zlib", "onetbb", "fmt", "nlohmann_json", "xsimd", "random123"} <= set(required)
    recipe.validate()
    recipe.layout()
    recipe.generate()
    variables = {name for object_ in made for name in object_.cache_variables}
    assert "LAMELLA_WITH_TBB" in variables
    for name in variables:
        assert f"option({name} " in cmake, f"{name} is no option of CMakeLists.txt"
    recipe.build()
    exports = len(copied)
    recipe.package()
    assert ("LICENSE", [tree / "LICENSE"]) in copied[exports:], "the licence is not packaged"
    recipe.package_info()
    assert recipe.cpp_info.libs == ["lamella"]
    print(f"{recipe.version}: {exports} patterns, {len(variables)} options, {required}")


if __name__ == "__main__":
    main()
