# vcpkg port of lamella, for use as an overlay from a checkout, whose sources it builds:
#   vcpkg install lamella --overlay-ports=<checkout>/packaging/vcpkg
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS feature_options
  FEATURES
    cblas LAMELLA_WITH_CBLAS
    openmp LAMELLA_WITH_OPENMP
    plugins LAMELLA_WITH_PLUGINS
    tbb LAMELLA_WITH_TBB
    tools LAMELLA_WITH_TOOLS)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${feature_options} -DLAMELLA_WITH_TESTS=OFF -DLAMELLA_WITH_BENCH=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/lamella)
vcpkg_fixup_pkgconfig()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES lamella AUTO_CLEAN)
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
