# The tokenizer library: a Rust static library built by cargo. Makes the imported target `aiperf_tokenizers`, or, without
# cargo, warns and makes none; the library then works with server counts only.
#
# AIPERF_CARGO             the cargo program (1.85 or newer); found on PATH, in CARGO_HOME and in ~/.cargo
# AIPERF_CARGO_TARGET_DIR  where cargo keeps what it compiled; several build trees may share one
set(AIPERF_CARGO_TARGET_DIR ${CMAKE_BINARY_DIR}/cargo CACHE PATH "cargo's work folder; may be shared by build trees")

set(aiperf_cargo_minimum 1.85)

function(aiperf_check_cargo result candidate)
    execute_process(COMMAND ${candidate} --version OUTPUT_VARIABLE words ERROR_QUIET RESULT_VARIABLE status)
    if(NOT status EQUAL 0 OR NOT words MATCHES "cargo ([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS aiperf_cargo_minimum)
        set(${result} FALSE PARENT_SCOPE)
    endif()
endfunction()

function(aiperf_find_cargo)
    find_program(AIPERF_CARGO
                 NAMES cargo
                 PATHS $ENV{CARGO_HOME}/bin $ENV{HOME}/.cargo/bin
                 VALIDATOR aiperf_check_cargo
                 DOC "cargo ${aiperf_cargo_minimum} or newer, builds the tokenizer library")
endfunction()

function(aiperf_add_tokenizers crate)
    set(archive libaiperf_tokenizers.a)
    set(library ${CMAKE_CURRENT_BINARY_DIR}/${archive})
    set(built ${AIPERF_CARGO_TARGET_DIR}/release/${archive})
    set(flags "")
    set(target "")
    if(AIPERF_FUZZ STREQUAL libfuzzer)
        # Coverage of the Rust code guides the search as well. With a target named, cargo leaves its own tools alone.
        execute_process(COMMAND ${AIPERF_CARGO} version --verbose OUTPUT_VARIABLE words)
        string(REGEX MATCH "host: ([^\n]+)" line "${words}")
        set(target --target ${CMAKE_MATCH_1})
        set(built ${AIPERF_CARGO_TARGET_DIR}/${CMAKE_MATCH_1}/release/${archive})
        set(coverage -Cllvm-args=-sanitizer-coverage)
        set(flags CARGO_PROFILE_RELEASE_LTO=off
                  "RUSTFLAGS=-Cpasses=sancov-module ${coverage}-level=3 ${coverage}-inline-8bit-counters\
 ${coverage}-pc-table ${coverage}-trace-compares -Ccodegen-units=1")
    endif()
    # A copy of our own: another build tree that shares the folder may write there while this one links.
    add_custom_command(
        OUTPUT ${library}
        COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${AIPERF_CARGO_TARGET_DIR} ${flags} ${AIPERF_CARGO} build
                --release --locked -j2 ${target} --manifest-path ${crate}/Cargo.toml
        COMMAND ${CMAKE_COMMAND} -E copy ${built} ${library}
        DEPENDS ${crate}/Cargo.toml ${crate}/Cargo.lock ${crate}/src/lib.rs ${crate}/src/encoder.rs
        COMMENT "Building the tokenizer library with cargo"
        USES_TERMINAL VERBATIM)
    add_custom_target(aiperf_tokenizers_build DEPENDS ${library})

    add_library(aiperf_tokenizers STATIC IMPORTED GLOBAL)
    add_dependencies(aiperf_tokenizers aiperf_tokenizers_build)
    set_target_properties(aiperf_tokenizers PROPERTIES
        IMPORTED_LOCATION ${library}
        INTERFACE_LINK_LIBRARIES "m;${CMAKE_DL_LIBS};Threads::Threads"
        INTERFACE_LINK_OPTIONS "-Wl,--gc-sections")
endfunction()

if(AIPERF_TOKENIZERS)
    aiperf_find_cargo()
    if(AIPERF_CARGO)
        aiperf_add_tokenizers(${CMAKE_CURRENT_LIST_DIR}/../src/dataset/tokenizers)
    else()
        message(WARNING "aiperf is being built WITHOUT tokenizers: no cargo ${aiperf_cargo_minimum} or newer was found. "
                        "Runs will need --use-server-token-count. To have them, install cargo, on Debian 12 by "
                        "`apt-get install cargo-web rustc-web`, and configure again.")
    endif()
else()
    message(WARNING "aiperf is being built WITHOUT tokenizers, as AIPERF_TOKENIZERS is off. "
                    "Runs will need --use-server-token-count.")
endif()
