# Tests of programs that can have no thread, or little memory for stacks.

# Limits hold for the emulator, too, and sanitizers need threads and memory of their own.
if(CMAKE_CROSSCOMPILING OR CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  return()
endif()
add_executable(lamella_starved starved/starved.cpp)
target_include_directories(lamella_starved PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(lamella_starved PRIVATE ${lamella_inside} lamella_flags)
set(starved_interfaces cpp,c)
set(starved_definitions $<$<BOOL:${LAMELLA_WITH_OPENMP}>:LAMELLA_WITH_OPENMP>)
if(LAMELLA_WITH_TBB)
  list(APPEND starved_definitions LAMELLA_WITH_TBB)
  target_link_libraries(lamella_starved PRIVATE TBB::tbb)
endif()
if(LAMELLA_WITH_CBLAS)
  string(APPEND starved_interfaces ,cblas)
  list(APPEND starved_definitions LAMELLA_WITH_CBLAS)
  target_link_libraries(lamella_starved PRIVATE lamella::cblas)
endif()
target_compile_definitions(lamella_starved PRIVATE ${starved_definitions})
set(starved_environment STARVED=$<TARGET_FILE:lamella_starved>
                        STARVED_INTERFACES=${starved_interfaces})
if(LAMELLA_WITH_TOOLS)
  list(APPEND starved_environment LAMELLA_TOOL=$<TARGET_FILE:lamella_tool>)
endif()
add_test(NAME starved COMMAND Python3::Interpreter
                              ${CMAKE_CURRENT_SOURCE_DIR}/starved/test_starved.py
                              ${lamella_backends})
set_tests_properties(starved PROPERTIES ENVIRONMENT "${starved_environment}")
