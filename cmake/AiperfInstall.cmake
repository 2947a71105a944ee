# cmake --install: headers, static library, program, and the package for find_package(aiperf).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(aiperf_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/aiperf)

install(TARGETS aiperf
        EXPORT aiperf-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT aiperf-targets NAMESPACE aiperf:: DESTINATION ${aiperf_package_dir})
if(TARGET aiperf_tokenizers)
    # Made by cargo, so CMake cannot export it: aiperf-config.cmake describes it again.
    install(FILES $<TARGET_PROPERTY:aiperf_tokenizers,IMPORTED_LOCATION>
            DESTINATION ${CMAKE_INSTALL_LIBDIR}
            RENAME libaiperf_tokenizers.a)
endif()
if(TARGET aiperf-cpp)
    install(TARGETS aiperf-cpp RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(TARGETS aiperf-helper RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/aiperf)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/aiperf-config.cmake.in
                              ${PROJECT_BINARY_DIR}/aiperf-config.cmake
                              INSTALL_DESTINATION ${aiperf_package_dir}
                              PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/aiperf-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/aiperf-config.cmake ${PROJECT_BINARY_DIR}/aiperf-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindZstd.cmake ${PROJECT_SOURCE_DIR}/cmake/FindNghttp2.cmake
        DESTINATION ${aiperf_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
