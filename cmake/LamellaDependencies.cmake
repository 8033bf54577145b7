# Every dependency of lamella in one place: what it is for, Debian's package, and how to do without.
#
# The imported targets are visible in all subdirectories. Nothing is looked for unless its option is
# on, and an option that is on never degrades silently: what is missing ends the configuration.

# lamella_missing(<what> <Debian package> <option or "">): the message that says how to go on.
function(lamella_missing what debian option)
  set(message "lamella: ${what} was not found.\n  Debian and Ubuntu: apt-get install ${debian}")
  if(option)
    string(APPEND message "\n  or build without it: -D${option}=OFF")
  endif()
  message(FATAL_ERROR "${message}")
endfunction()

# lamella_need(<CMake package> [version] TARGET <target> DEBIAN <package> [OPTION <option>]
#              [COMPONENTS ...]): a CMake package that has to give `target`.
macro(lamella_need name)
  cmake_parse_arguments(need "" "TARGET;DEBIAN;OPTION" "COMPONENTS" ${ARGN})
  if(NOT TARGET ${need_TARGET})  # a project that lamella is a part of may have it already
    find_package(${name} ${need_UNPARSED_ARGUMENTS} QUIET COMPONENTS ${need_COMPONENTS})
  endif()
  if(NOT TARGET ${need_TARGET})
    lamella_missing("${name} ${need_UNPARSED_ARGUMENTS}" "${need_DEBIAN}" "${need_OPTION}")
  endif()
endmacro()

# lamella_need_header(<variable> <header> DEBIAN <package>): an include directory, for headers whose
# CMake package is absent or asks for more than the headers do.
macro(lamella_need_header variable header)
  cmake_parse_arguments(need "" "DEBIAN" "" ${ARGN})
  find_path(${variable} ${header})
  mark_as_advanced(${variable})
  if(NOT ${variable})
    lamella_missing("the header ${header}" "${need_DEBIAN}" "")
  endif()
endmacro()

# The library. Consumers of the installed archive need ZLIB and Threads only; the rest is headers.
lamella_need(Threads TARGET Threads::Threads DEBIAN libc6-dev)
lamella_need(ZLIB TARGET ZLIB::ZLIB DEBIAN zlib1g-dev)
lamella_need(fmt TARGET fmt::fmt-header-only DEBIAN libfmt-dev)
lamella_need(nlohmann_json 3.9 TARGET nlohmann_json::nlohmann_json DEBIAN nlohmann-json3-dev)
lamella_need_header(RANDOM123_INCLUDE_DIR Random123/philox.h DEBIAN librandom123-dev)
# Not by find_package: xsimd's target also links xtl, which nothing here uses.
lamella_need_header(XSIMD_INCLUDE_DIR xsimd/xsimd.hpp DEBIAN libxsimd-dev)

# Backends, each behind its option.
if(LAMELLA_WITH_OPENMP)
  lamella_need(OpenMP TARGET OpenMP::OpenMP_CXX COMPONENTS CXX OPTION LAMELLA_WITH_OPENMP
               DEBIAN "libgomp1 (with clang: libomp-dev)")
  # The runtime library by name, for lamella's users: -fopenmp would turn OpenMP on in their own
  # code. A library that is not in the compilers' own directories (clang's) is named by its path.
  set(lamella_openmp_runtime)
  foreach(library IN LISTS OpenMP_CXX_LIB_NAMES)
    if(library STREQUAL "gomp")
      list(APPEND lamella_openmp_runtime -lgomp)
    elseif(NOT library STREQUAL "pthread")
      list(APPEND lamella_openmp_runtime ${OpenMP_${library}_LIBRARY})
    endif()
  endforeach()
endif()
if(LAMELLA_WITH_TBB)
  lamella_need(TBB TARGET TBB::tbb DEBIAN libtbb-dev OPTION LAMELLA_WITH_TBB)
endif()

# The command line, tests and benchmarks.
if(LAMELLA_WITH_TOOLS)
  lamella_need(CLI11 2.1 TARGET CLI11::CLI11 DEBIAN libcli11-dev OPTION LAMELLA_WITH_TOOLS)
endif()
if(LAMELLA_WITH_TESTS)
  lamella_need(Catch2 TARGET Catch2::Catch2 DEBIAN catch2 OPTION LAMELLA_WITH_TESTS)
  lamella_need(Python3 TARGET Python3::Interpreter COMPONENTS Interpreter DEBIAN python3
               OPTION LAMELLA_WITH_TESTS)
endif()
if(LAMELLA_WITH_BENCH)
  lamella_need(benchmark 1.7 TARGET benchmark::benchmark DEBIAN libbenchmark-dev
               OPTION LAMELLA_WITH_BENCH)
endif()
