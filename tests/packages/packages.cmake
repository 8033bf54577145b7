# Tests of packages: Debian's, built and used; the vcpkg port and the Conan recipe as far as that
# goes without a network.
add_test(NAME packages.vcpkg
         COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                 -P ${CMAKE_CURRENT_LIST_DIR}/vcpkg.cmake)
add_test(NAME packages.conan
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/conan.py ${PROJECT_SOURCE_DIR})

if(LAMELLA_WITH_TOOLS)
  add_test(NAME packages.man_page
           COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_LIST_DIR}/man_page.py
                   ${PROJECT_SOURCE_DIR}
                   ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:lamella_tool>)
endif()

# Of the build that ships: optimised, static, without instrumentation.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND LAMELLA_WITH_TOOLS AND NOT BUILD_SHARED_LIBS
   AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_test(NAME packages.sizes
           COMMAND ${CMAKE_COMMAND}
                   -DARCHIVE=$<TARGET_FILE:lamella>
                   -DTOOL=$<TARGET_FILE:lamella_tool>
                   -DSTRIP=${CMAKE_STRIP}
                   -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/sizes
                   # 5 MiB: 19 kernels in four instruction sets and two types (each new
                   # element-wise kernel takes some 60 KB, and each activation is compiled into
                   # several), checks of data, files, memory and forks, and what training has
                   # besides kernels: metrics, checkpoints, early stopping, ensembles.
                   -DARCHIVE_LIMIT=5242880
                   -DTOOL_LIMIT=3670016
                   -P ${CMAKE_CURRENT_LIST_DIR}/sizes.cmake)
endif()

# On top of the build of the shared library that shared.cmake describes.
if(NOT DEFINED shared_build)
  return()
endif()
find_program(LAMELLA_DPKG_DEB dpkg-deb)
find_program(LAMELLA_DPKG_SHLIBDEPS dpkg-shlibdeps)
find_program(LAMELLA_FILE file)
mark_as_advanced(LAMELLA_DPKG_DEB LAMELLA_DPKG_SHLIBDEPS LAMELLA_FILE)
set(deb_root ${CMAKE_CURRENT_BINARY_DIR}/packages/root)
if(NOT (LAMELLA_DPKG_DEB AND LAMELLA_DPKG_SHLIBDEPS AND LAMELLA_FILE AND LAMELLA_WITH_TOOLS
        AND LAMELLA_WITH_CBLAS))
  add_test(NAME packages.deb
           COMMAND ${CMAKE_COMMAND} -E echo
           "skipped: needs dpkg-deb, dpkg-shlibdeps, file and all options")
  set_tests_properties(packages.deb PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
  return()
endif()
add_test(NAME packages.deb
         COMMAND ${CMAKE_COMMAND}
                 -DCPACK=${CMAKE_CPACK_COMMAND}
                 -DDPKG_DEB=${LAMELLA_DPKG_DEB}
                 -DREADELF=${CMAKE_READELF}
                 -DBUILD_DIR=${shared_build}
                 -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/packages
                 -DROOT=${deb_root}
                 -DVERSION=${PROJECT_VERSION}
                 -DABI=${lamella_abi}
                 -P ${CMAKE_CURRENT_LIST_DIR}/deb.cmake)
set_tests_properties(packages.deb PROPERTIES LABELS slow FIXTURES_REQUIRED shared_build
                                             FIXTURES_SETUP deb_root)
find_program(LAMELLA_LINTIAN lintian)
mark_as_advanced(LAMELLA_LINTIAN)
if(LAMELLA_LINTIAN)
  add_test(NAME packages.lintian
           COMMAND ${CMAKE_COMMAND} -DLINTIAN=${LAMELLA_LINTIAN}
                   -DDEBS=${CMAKE_CURRENT_BINARY_DIR}/packages/debs
                   -P ${CMAKE_CURRENT_LIST_DIR}/lintian.cmake)
  set_tests_properties(packages.lintian PROPERTIES LABELS slow FIXTURES_REQUIRED deb_root)
else()
  add_test(NAME packages.lintian COMMAND ${CMAKE_COMMAND} -E echo "skipped: no lintian")
  set_tests_properties(packages.lintian PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
endif()
foreach(method cmake pkg-config c)
  lamella_consumer_test(packages.deb.${method} METHOD ${method} PREFIX ${deb_root}/usr)
  set_tests_properties(packages.deb.${method} PROPERTIES LABELS slow FIXTURES_REQUIRED deb_root)
endforeach()
