# Tests of the library's life in a host process: the ends of processes and threads, fork(), small
# stacks, many threads, dlclose(). Each is a program, run on every backend and through every interface.
add_library(lamella_process_work STATIC process/work.cpp)
target_include_directories(lamella_process_work PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(lamella_process_work PUBLIC lamella::lamella lamella_flags Threads::Threads)
set(process_interfaces cpp c)
if(LAMELLA_WITH_CBLAS)
  list(APPEND process_interfaces cblas)
  target_compile_definitions(lamella_process_work PRIVATE LAMELLA_WITH_CBLAS)
  target_link_libraries(lamella_process_work PUBLIC lamella::cblas)
endif()
foreach(program at_exit exit_while_computing fork threads)
  add_executable(lamella_process_${program} process/${program}.cpp)
  target_link_libraries(lamella_process_${program} PRIVATE lamella_process_work)
endforeach()
add_executable(lamella_process_unload process/unload.c)
target_include_directories(lamella_process_unload PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(lamella_process_unload PRIVATE Threads::Threads ${CMAKE_DL_LIBS})

# lamella_process_test(<name> <program> <backend> <argument>...): with two threads, wherever it runs.
function(lamella_process_test name program backend)
  add_test(NAME ${name} COMMAND lamella_process_${program} ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${backend} ENVIRONMENT LAMELLA_NUM_THREADS=2)
endfunction()

foreach(backend ${lamella_backends})
  foreach(interface ${process_interfaces})
    set(name process.at_exit.${interface}.${backend})
    lamella_process_test(${name} at_exit ${backend} ${interface} ${backend})
  endforeach()
  lamella_process_test(process.exit_while_computing.${backend} exit_while_computing ${backend}
                       cpp ${backend})
  # The test leaves threads behind on purpose. Other settings are those of the preset.
  set_property(TEST process.exit_while_computing.${backend} APPEND PROPERTY ENVIRONMENT
               TSAN_OPTIONS=ignore_noninstrumented_modules=1:report_thread_leaks=0)
endforeach()

# Sanitizers and fork() do not get on with each other, and emulators are not the system.
if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  return()
endif()

# A thousand of each: tests/process/forks (the numbers here find most of what hangs at all).
foreach(backend ${lamella_backends})
  foreach(interface ${process_interfaces})
    foreach(when before after fresh thread busy)
      lamella_process_test(process.fork_${when}.${interface}.${backend} fork ${backend}
                           ${interface} ${backend} ${when} 12)
      # Threads are used as the size of the work says, whatever this machine finds faster.
      set_property(TEST process.fork_${when}.${interface}.${backend}
                   APPEND PROPERTY ENVIRONMENT LAMELLA_ADAPTIVE_THREADS=0)
    endforeach()
  endforeach()
  # Stacks as small as docs/in-your-process.md says.
  foreach(interface ${process_interfaces})
    lamella_process_test(process.threads.${interface}.${backend} threads ${backend}
                         ${interface} ${backend} 200 64)
  endforeach()
endforeach()
if(LAMELLA_WITH_CBLAS)
  foreach(backend ${lamella_backends})
    add_test(NAME process.unload.cblas.${backend}
             COMMAND lamella_process_unload $<TARGET_FILE:lamella_cblas> 20)
    set_tests_properties(process.unload.cblas.${backend} PROPERTIES
                         LABELS ${backend}
                         ENVIRONMENT "LAMELLA_NUM_THREADS=2;LAMELLA_BACKEND=${backend}")
  endforeach()
endif()

add_test(NAME process.fork_lock COMMAND lamella_platform_tests "[.fork]")

# Under valgrind, which finds uses of freed memory that do no harm by chance.
find_program(LAMELLA_VALGRIND valgrind)
mark_as_advanced(LAMELLA_VALGRIND)
set(valgrind_backends ${lamella_backends})
list(REMOVE_ITEM valgrind_backends scalar)  # nothing of its own
foreach(backend ${valgrind_backends})
  foreach(interface ${process_interfaces})
    set(name process.at_exit_valgrind.${interface}.${backend})
    if(LAMELLA_VALGRIND)
      add_test(NAME ${name}
               COMMAND ${LAMELLA_VALGRIND} --quiet --error-exitcode=99 --leak-check=full
                       --show-leak-kinds=definite --errors-for-leak-kinds=definite
                       $<TARGET_FILE:lamella_process_at_exit> ${interface} ${backend})
      set_tests_properties(${name} PROPERTIES LABELS ${backend}
                                              ENVIRONMENT LAMELLA_NUM_THREADS=2)
    else()
      add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: no valgrind")
      set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
    endif()
  endforeach()
endforeach()
