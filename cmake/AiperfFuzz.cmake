# aiperf_add_fuzz_target(NAME SOURCES...): a program fuzz_NAME from one LLVMFuzzerTestOneInput. With AIPERF_FUZZ=replay it
# reads the committed corpus and tries some mutations, as a test of ctest; with libfuzzer it searches, and the target
# `fuzzers` builds all of them.
if(AIPERF_FUZZ STREQUAL libfuzzer)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
        message(FATAL_ERROR "AIPERF_FUZZ=libfuzzer needs clang; the compiler is ${CMAKE_CXX_COMPILER}")
    endif()
    # The library is instrumented too: coverage is what guides the search.
    set(AIPERF_SANITIZE fuzzer-no-link,address,undefined)
elseif(NOT AIPERF_FUZZ STREQUAL replay)
    message(FATAL_ERROR "AIPERF_FUZZ is replay or libfuzzer, not '${AIPERF_FUZZ}'")
endif()

function(aiperf_add_fuzz_target name)
    add_executable(fuzz_${name} ${ARGN})
    target_link_libraries(fuzz_${name} PRIVATE aiperf::aiperf aiperf_fuzz_support)
    aiperf_options(fuzz_${name})
    if(AIPERF_FUZZ STREQUAL libfuzzer)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        add_dependencies(fuzzers fuzz_${name})
    else()
        target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay.cpp)
        add_test(NAME "fuzz: ${name} survives its corpus and what is made of it"
                 COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
        set_tests_properties("fuzz: ${name} survives its corpus and what is made of it" PROPERTIES TIMEOUT 120)
    endif()
endfunction()
