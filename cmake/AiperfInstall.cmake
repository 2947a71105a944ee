# cmake --install: headers, static library, program, and the package for find_package(aiperf). Two components: `program`
# (what people run) and `development` (what C++ programs are built with).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(aiperf_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/aiperf)

install(TARGETS aiperf
        EXPORT aiperf-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT aiperf-targets NAMESPACE aiperf:: DESTINATION ${aiperf_package_dir} COMPONENT development)
if(TARGET aiperf_tokenizers)
    # Made by cargo, so CMake cannot export it: aiperf-config.cmake describes it again.
    install(FILES $<TARGET_PROPERTY:aiperf_tokenizers,IMPORTED_LOCATION>
            DESTINATION ${CMAKE_INSTALL_LIBDIR}
            RENAME libaiperf_tokenizers.a
            COMPONENT development)
endif()
if(TARGET aiperf-cpp)
    install(TARGETS aiperf-cpp RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
    install(TARGETS aiperf-helper RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/aiperf COMPONENT program)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/aiperf-config.cmake.in
                              ${PROJECT_BINARY_DIR}/aiperf-config.cmake
                              INSTALL_DESTINATION ${aiperf_package_dir}
                              PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/aiperf-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/aiperf-config.cmake ${PROJECT_BINARY_DIR}/aiperf-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindZstd.cmake ${PROJECT_SOURCE_DIR}/cmake/FindNghttp2.cmake
        DESTINATION ${aiperf_package_dir} COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
if(PROJECT_IS_TOP_LEVEL)
    include(AiperfDeb)
endif()
