# Tests of the shared library (BUILD_SHARED_LIBS=ON): its names, its symbols, programs that use it.
#
# Unless this build is such a one, the first test makes one, which the others then look at.
if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  return()  # the same library for every preset; sanitizers add symbols of their own
endif()

if(BUILD_SHARED_LIBS)
  set(shared_build ${PROJECT_BINARY_DIR})
else()
  set(shared_build ${CMAKE_CURRENT_BINARY_DIR}/shared/build)
  add_test(NAME shared.build
           COMMAND ${CMAKE_COMMAND}
                   -DSOURCE_DIR=${PROJECT_SOURCE_DIR}
                   -DBUILD_DIR=${shared_build}
                   -DC_COMPILER=${CMAKE_C_COMPILER}
                   -DCXX=${CMAKE_CXX_COMPILER}
                   -DCXX_FLAGS=${CMAKE_CXX_FLAGS}
                   -DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
                   -DGENERATOR=${CMAKE_GENERATOR}
                   -DWITH_OPENMP=${LAMELLA_WITH_OPENMP}
                   -DWITH_TBB=${LAMELLA_WITH_TBB}
                   -DWITH_PLUGINS=${LAMELLA_WITH_PLUGINS}
                   -DWITH_CBLAS=${LAMELLA_WITH_CBLAS}
                   -DWITH_TOOLS=${LAMELLA_WITH_TOOLS}
                   -P ${CMAKE_CURRENT_LIST_DIR}/build.cmake)
  set_tests_properties(shared.build PROPERTIES FIXTURES_SETUP shared_build LABELS slow PROCESSORS 2
                                               TIMEOUT 3600)
endif()

# cblas.h is of another library.
file(GLOB shared_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/lamella/*.h)
list(FILTER shared_headers EXCLUDE REGEX "/cblas\\.h$")
add_test(NAME shared.symbols
         COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/structure/exported_symbols.py
                 --nm ${CMAKE_NM} ${shared_build}/liblamella.so ${shared_headers})
add_test(NAME shared.installed
         COMMAND ${CMAKE_COMMAND}
                 -DBUILD_DIR=${shared_build}
                 -DWORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/shared/installed
                 -DVERSION=${PROJECT_VERSION}
                 -DABI=${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                 -DTOOL=${LAMELLA_WITH_TOOLS}
                 -DREADELF=${CMAKE_READELF}
                 -P ${CMAKE_CURRENT_LIST_DIR}/installed.cmake)
set(shared_tests shared.symbols shared.installed)
foreach(backend ${lamella_backends})
  add_test(NAME shared.unload.${backend}
           COMMAND lamella_process_unload ${shared_build}/liblamella.so 20)
  set_tests_properties(shared.unload.${backend} PROPERTIES
                       ENVIRONMENT "LAMELLA_NUM_THREADS=2;LAMELLA_BACKEND=${backend}")
  list(APPEND shared_tests shared.unload.${backend})
endforeach()
foreach(method cmake pkg-config c)
  lamella_consumer_test(shared.${method} METHOD ${method} BUILD_DIR ${shared_build} CONFIG Release)
  list(APPEND shared_tests shared.${method})
endforeach()
set_tests_properties(${shared_tests} PROPERTIES LABELS slow FIXTURES_REQUIRED shared_build)
