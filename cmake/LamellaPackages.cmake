# cpack -G DEB: Debian packages of a build of the shared library.
#
#   liblamella0.2        component runtime: the library
#   liblamella-cblas0.2  component cblas: the CBLAS interface
#   liblamella-dev       component dev: headers, linker links, CMake package, pkg-config file
#   lamella              component tool: the program
#
# Dependencies on other packages are read from the binaries by dpkg-shlibdeps.
if(NOT BUILD_SHARED_LIBS)
  return()  # Debian packages are those of the shared library
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "lamella maintainers <maintainers@lamella.example>"
    CACHE STRING "Maintainer named in packages")
set(CPACK_PACKAGE_VENDOR lamella)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime dev)
if(LAMELLA_WITH_CBLAS)
  list(APPEND CPACK_COMPONENTS_ALL cblas)
endif()
if(LAMELLA_WITH_TOOLS)
  list(APPEND CPACK_COMPONENTS_ALL tool)
endif()
# Debian's directories are on the loader's path, and its programs carry none of their own.
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/LamellaPackagesNoRpath.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(lamella_deb_version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})

# lamella_deb(<component> <package> <section> <summary> <depends>...)
macro(lamella_deb component package section summary)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}
 lamella is a library of SIMD kernels for dense neural networks, with backends
 that are chosen at run time, and the layer on top that trains multilayer
 perceptrons on the CPU.")
  string(JOIN ", " CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS ${ARGN})
endmacro()
set(lamella_runtime "liblamella${lamella_abi} (= ${lamella_deb_version})")
set(lamella_dev_depends ${lamella_runtime})
lamella_deb(runtime liblamella${lamella_abi} libs
            "Dense neural networks on the CPU: shared library")
lamella_deb(tool lamella science
            "Dense neural networks on the CPU: command line" ${lamella_runtime})
if(LAMELLA_WITH_CBLAS)
  lamella_deb(cblas liblamella-cblas${lamella_abi} libs
              "Dense neural networks on the CPU: kernels behind CBLAS" ${lamella_runtime})
  list(APPEND lamella_dev_depends "liblamella-cblas${lamella_abi} (= ${lamella_deb_version})")
endif()
lamella_deb(dev liblamella-dev libdevel "Dense neural networks on the CPU: development files"
            ${lamella_dev_depends})
# ldconfig runs, and packages that use the libraries learn what to depend on.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
include(CPack)
