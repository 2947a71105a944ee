# cpack -G DEB: the packages aiperf-cpp (the program) and libaiperf-dev (for C++ programs). `make deb` builds both.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME aiperf-cpp)
set(CPACK_PACKAGE_VENDOR "aiperf_cpp")
set(CPACK_PACKAGE_CONTACT "aiperf_cpp developers <nobody@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME aiperf-cpp)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "Benchmarks of generative-AI inference servers
 The program aiperf-cpp measures time to first token, inter-token latency and throughput of servers that speak
 the OpenAI API, and writes AIPerf's artifacts. A mock server is built in.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libaiperf-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "nlohmann-json3-dev, libspdlog-dev, libfmt-dev, libsimdjson-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "aiperf-cpp")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Benchmarks of generative-AI inference servers, for C++ programs
 Headers, the static library aiperf, and its CMake package: find_package(aiperf).")

# Debian wants a copyright file beside each package.
foreach(component_package "program;aiperf-cpp" "development;libaiperf-dev")
    list(GET component_package 0 component)
    list(GET component_package 1 package)
    install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
            DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package}
            RENAME copyright
            COMPONENT ${component})
endforeach()
include(CPack)
