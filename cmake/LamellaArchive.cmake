# liblamella.a beside liblamella.so (BUILD_SHARED_LIBS=ON), of the same objects: packages for
# development have both, and tests look inside, which the shared library does not show.
add_library(lamella_archive STATIC $<TARGET_OBJECTS:lamella>)
set_target_properties(lamella_archive PROPERTIES OUTPUT_NAME lamella LINKER_LANGUAGE CXX)
target_include_directories(lamella_archive INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_features(lamella_archive INTERFACE cxx_std_20)
# What lamella links, but for what its own sources alone need.
get_target_property(lamella_archive_libraries lamella LINK_LIBRARIES)
list(FILTER lamella_archive_libraries EXCLUDE REGEX "BUILD_INTERFACE")
target_link_libraries(lamella_archive INTERFACE ${lamella_archive_libraries})
