# cpack -G DEB: Debian packages of a build of the shared library.
#
#   liblamella0.2        component lamella_runtime: the library
#   liblamella-cblas0.2  component lamella_cblas: the CBLAS interface
#   liblamella-dev       component lamella_dev: headers, linker links, the archive, CMake package,
#                        pkg-config files
#   lamella              component lamella_tool: the program and its man page
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
set(CPACK_COMPONENTS_ALL lamella_runtime lamella_dev)
if(LAMELLA_WITH_CBLAS)
  list(APPEND CPACK_COMPONENTS_ALL lamella_cblas)
endif()
if(LAMELLA_WITH_TOOLS)
  list(APPEND CPACK_COMPONENTS_ALL lamella_tool)
endif()
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/LamellaPackagesStaged.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(lamella_deb_version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})

# Debian's changelog has an entry for this version, of the date that CHANGELOG.md gives it.
# lamella_weekday(<YYYY-MM-DD> <variable>): by Sakamoto's method.
function(lamella_weekday date variable)
  string(REGEX MATCH "^([0-9]+)-0?([0-9]+)-0?([0-9]+)$" date "${date}")
  math(EXPR month "${CMAKE_MATCH_2} - 1")
  set(year ${CMAKE_MATCH_1})
  if(month LESS 2)
    math(EXPR year "${year} - 1")
  endif()
  set(offsets 0 3 2 5 0 3 5 1 4 6 2 4)
  list(GET offsets ${month} offset)
  math(EXPR day
       "(${year} + ${year} / 4 - ${year} / 100 + ${year} / 400 + ${offset} + ${CMAKE_MATCH_3}) % 7")
  set(days Sun Mon Tue Wed Thu Fri Sat)
  list(GET days ${day} day)
  set(${variable} ${day} PARENT_SCOPE)
endfunction()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
file(STRINGS ${PROJECT_SOURCE_DIR}/CHANGELOG.md lamella_date
     REGEX "^## \\[${PROJECT_VERSION}\\] - ")
if(NOT lamella_date MATCHES " - ([0-9][0-9][0-9][0-9])-([0-9][0-9])-([0-9][0-9])$")
  message(FATAL_ERROR "CHANGELOG.md does not say when ${PROJECT_VERSION} was released")
endif()
set(lamella_year ${CMAKE_MATCH_1})
set(lamella_month ${CMAKE_MATCH_2})
set(lamella_day ${CMAKE_MATCH_3})
lamella_weekday(${lamella_year}-${lamella_month}-${lamella_day} lamella_weekday)
set(lamella_months - Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)
list(GET lamella_months ${lamella_month} lamella_month)
set(lamella_date "${lamella_weekday}, ${lamella_day} ${lamella_month} ${lamella_year}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/debian/changelog.Debian NEWLINE_STYLE UNIX @ONLY CONTENT
"lamella (@lamella_deb_version@) unstable; urgency=medium

  * Version @PROJECT_VERSION@; changelog.gz says what is new.

 -- @CPACK_PACKAGE_CONTACT@  @lamella_date@ 00:00:00 +0000
")
# The loader's cache is brought up to date when a library has been installed.
file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")

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
  if("${section}" STREQUAL libs)
    set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/debian/triggers)
  endif()
  # Of packages only: `cmake --install` takes what belongs to no package.
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright COMPONENT ${component}
          DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md RENAME changelog COMPONENT ${component}
          DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_BINARY_DIR}/debian/changelog.Debian COMPONENT ${component}
          DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} EXCLUDE_FROM_ALL)
endmacro()
set(lamella_runtime "liblamella${lamella_abi} (= ${lamella_deb_version})")
set(lamella_dev_depends ${lamella_runtime})
lamella_deb(lamella_runtime liblamella${lamella_abi} libs
            "Dense neural networks on the CPU: shared library")
lamella_deb(lamella_tool lamella science
            "Dense neural networks on the CPU: command line" ${lamella_runtime})
if(LAMELLA_WITH_CBLAS)
  lamella_deb(lamella_cblas liblamella-cblas${lamella_abi} libs
              "Dense neural networks on the CPU: kernels behind CBLAS" ${lamella_runtime})
  list(APPEND lamella_dev_depends "liblamella-cblas${lamella_abi} (= ${lamella_deb_version})")
endif()
lamella_deb(lamella_dev liblamella-dev libdevel
            "Dense neural networks on the CPU: development files" ${lamella_dev_depends})
# Packages that use the libraries learn what to depend on.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
include(CPack)
