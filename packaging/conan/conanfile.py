"""Conan 2 recipe of lamella: conan create packaging/conan, in a checkout."""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class LamellaConan(ConanFile):
    name = "lamella"
    description = "SIMD kernels for dense neural networks with run-time backends, and training"
    license = "BSD-3-Clause"
    author = "the lamella authors"
    topics = ("neural-network", "simd", "gemm", "mlp")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "with_cblas": [True, False],
        "with_openmp": [True, False],
        "with_plugins": [True, False],
        "with_tbb": [True, False],
        "with_tools": [True, False],
    }
    default_options = {
        "shared": False,
        "with_cblas": False,
        "with_openmp": True,
        "with_plugins": True,
        "with_tbb": True,
        "with_tools": False,
    }

    @property
    def _checkout(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        cmake = load(self, os.path.join(self._checkout, "CMakeLists.txt"))
        self.version = re.search(r"project\(lamella VERSION ([0-9.]+)", cmake).group(1)

    def export_sources(self):
        for pattern in ("CHANGELOG.md", "CMakeLists.txt", "LICENSE", "backends/*", "cblas/*",
                        "cmake/*", "core/*", "docs/*", "include/*", "tools/*"):
            copy(self, pattern, src=self._checkout, dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("zlib/[>=1.2.11 <2]")
        if self.options.with_tbb:
            self.requires("onetbb/[>=2021]")
        # Compiled in; users need none of them.
        for header_only in ("fmt/[>=9]", "nlohmann_json/[>=3.9]", "xsimd/[>=8.1]",
                            "random123/[>=1.14]"):
            self.requires(header_only, visible=False, libs=False)
        if self.options.with_tools:
            self.requires("cli11/[>=2.1]", visible=False)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for name in ("cblas", "openmp", "plugins", "tbb", "tools"):
            toolchain.cache_variables[f"LAMELLA_WITH_{name.upper()}"] = bool(
                self.options.get_safe(f"with_{name}"))
        toolchain.cache_variables["LAMELLA_WITH_TESTS"] = False
        toolchain.cache_variables["LAMELLA_WITH_BENCH"] = False
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", src=self.source_folder,
             dst=os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        # lamella's own CMake package and pkg-config file are complete.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/lamella"]
        self.cpp_info.libs = ["lamella"]
        if self.settings.os == "Linux" and not self.options.shared:
            self.cpp_info.system_libs = ["m", "pthread", "dl"]
            if self.options.with_openmp:
                self.cpp_info.exelinkflags = self.cpp_info.sharedlinkflags = ["-fopenmp"]
