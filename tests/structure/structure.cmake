# Tests of the source tree, the objects, the test harness and the build options.

# lamella_test_exit_code(<name> <code> <pattern> <command>...): see exit_code.cmake.
function(lamella_test_exit_code name code pattern)
  add_test(NAME ${name}
           COMMAND ${CMAKE_COMMAND} "-DCOMMAND=${ARGN}" -DEXPECTED=${code} "-DPATTERN=${pattern}"
                   -P ${PROJECT_SOURCE_DIR}/tests/structure/exit_code.cmake)
endfunction()

# Python scripts; selftest.py shows that each can fail.
add_test(NAME structure.include_directions
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/include_directions.py
                 ${PROJECT_SOURCE_DIR})
add_test(NAME structure.references
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/references.py
                 ${PROJECT_SOURCE_DIR})
add_test(NAME structure.version
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/version.py ${PROJECT_SOURCE_DIR})
add_test(NAME structure.editorconfig
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/editorconfig.py
                 ${PROJECT_SOURCE_DIR})
add_test(NAME structure.workflows
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/workflows.py ${PROJECT_SOURCE_DIR}
                 ${lamella_build_of_names})

# Of every build but the instrumented ones: sanitizers add symbols of their own.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/lamella_objects_$<CONFIG>.txt
       CONTENT "$<JOIN:$<TARGET_OBJECTS:lamella>,\n>\n")
  get_target_property(isa_units lamella SOURCES)
  list(FILTER isa_units INCLUDE REGEX "/backends/(simd|scalar)/[^/]*\\.cpp$")
  list(TRANSFORM isa_units REPLACE "^${PROJECT_SOURCE_DIR}/" "")
  add_test(NAME structure.isa_symbols
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/isa_symbols.py --nm ${CMAKE_NM}
                   --objects ${CMAKE_CURRENT_BINARY_DIR}/lamella_objects_$<CONFIG>.txt ${isa_units})
endif()

add_test(NAME structure.selftest
         COMMAND ${CMAKE_COMMAND} -E env CXX=${CMAKE_CXX_COMPILER} NM=${CMAKE_NM}
                 $<TARGET_FILE:Python3::Interpreter> ${CMAKE_CURRENT_LIST_DIR}/selftest.py)

# A run that executes no test is a failure, and so is one for a backend that does not exist.
lamella_test_exit_code(structure.no_test_ran 2 "no test ran"
                       ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:lamella_kernels_tests>
                       "no test has this name")

# An option that is on and cannot be had ends the configuration with the way out; each of them.
if(NOT CMAKE_CROSSCOMPILING)
  foreach(case OPENMP/OpenMP/libgomp1 TBB/TBB/libtbb-dev TOOLS/CLI11/libcli11-dev
               TESTS/Catch2/catch2 BENCH/benchmark/libbenchmark-dev)
    string(REPLACE "/" ";" case ${case})
    list(GET case 0 option)
    list(GET case 1 package)
    list(GET case 2 debian)
    lamella_test_exit_code(
      structure.missing_${package} 1 "apt-get install ${debian}.*-DLAMELLA_WITH_${option}=OFF"
      ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR} -G ${CMAKE_GENERATOR}
      -B ${CMAKE_CURRENT_BINARY_DIR}/missing_${package}
      -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
  endforeach()
endif()

# Combinations of options that no other test builds with the tests on can be configured.
if(NOT CMAKE_CROSSCOMPILING AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(configure_shared -DBUILD_SHARED_LIBS=ON)
  set(configure_options_off -DLAMELLA_WITH_OPENMP=OFF -DLAMELLA_WITH_TBB=OFF
                            -DLAMELLA_WITH_PLUGINS=OFF -DLAMELLA_WITH_CBLAS=OFF
                            -DLAMELLA_WITH_TOOLS=OFF)
  foreach(case shared options_off)
    add_test(NAME structure.configure_${case}
             COMMAND ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR} -G ${CMAKE_GENERATOR}
                     -B ${CMAKE_CURRENT_BINARY_DIR}/configure_${case}
                     -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}
                     -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
                     -DLAMELLA_WITH_OPENMP=${LAMELLA_WITH_OPENMP}
                     -DLAMELLA_WITH_TBB=${LAMELLA_WITH_TBB}
                     -DLAMELLA_WITH_TOOLS=${LAMELLA_WITH_TOOLS}
                     -DLAMELLA_WITH_BENCH=OFF ${configure_${case}})
  endforeach()
endif()
