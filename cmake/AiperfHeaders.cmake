# The folder include/aiperf is the list of public headers: what lies there is installed, and
# `all_verify_interface_header_sets` compiles each alone, as a user of the library would.
file(GLOB_RECURSE aiperf_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/aiperf/*.hpp)
target_sources(aiperf PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${aiperf_headers})
set_target_properties(aiperf PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${AIPERF_DEVELOPER})
