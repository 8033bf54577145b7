# Runs COMMAND (a list) and demands the exit code EXPECTED and a match of PATTERN in its output.
#
# CTest's own WILL_FAIL takes a crash for the failure it waits for, and its PASS_REGULAR_EXPRESSION
# does not look at the exit code.
cmake_minimum_required(VERSION 3.20)
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE code OUTPUT_VARIABLE output
                ERROR_VARIABLE output)
message("${output}")
if(NOT code STREQUAL EXPECTED)
  message(FATAL_ERROR "exit code ${code}, expected ${EXPECTED}")
endif()
# CMake wraps its messages; a pattern should not care where.
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(NOT output MATCHES "${PATTERN}")
  message(FATAL_ERROR "the output does not match '${PATTERN}'")
endif()
