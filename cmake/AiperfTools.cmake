# Faster tools where they are installed; nothing depends on them.
find_program(AIPERF_CCACHE ccache)
if(AIPERF_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${AIPERF_CCACHE})
endif()

find_program(AIPERF_MOLD mold)
if(AIPERF_MOLD AND PROJECT_IS_TOP_LEVEL)
    add_link_options(-fuse-ld=mold)
endif()
