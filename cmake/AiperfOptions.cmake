# Warnings and instrumentation of our own targets.
function(aiperf_options target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                             -Wcast-align -Wunused -Woverloaded-virtual -Wconversion
                                             -Wsign-conversion -Wformat=2)
    # Tells builds apart: what a calibration was made with.
    target_link_options(${target} PRIVATE -Wl,--build-id=sha1)
    if(AIPERF_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(AIPERF_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${AIPERF_SANITIZE} -fno-sanitize-recover=all
                                                 -fno-omit-frame-pointer)
        target_link_options(${target} PUBLIC -fsanitize=${AIPERF_SANITIZE})
    else()
        # The tokenizer library is large and only a part of it is reached.
        target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
        target_link_options(${target} PRIVATE -Wl,--gc-sections)
    endif()
endfunction()
