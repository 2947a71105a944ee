# aiperf_add_test(FOLDER SOURCES...): one Catch2 program test_FOLDER; each test case is a test of ctest.
include(Catch)

function(aiperf_add_test folder)
    add_executable(test_${folder} ${ARGN})
    target_link_libraries(test_${folder} PRIVATE aiperf::aiperf aiperf_test_main)
    target_compile_definitions(test_${folder} PRIVATE AIPERF_TEST_DATA="${PROJECT_SOURCE_DIR}/tests")
    aiperf_options(test_${folder})
    catch_discover_tests(test_${folder} TEST_PREFIX "${folder}: " PROPERTIES TIMEOUT 120)
endfunction()
