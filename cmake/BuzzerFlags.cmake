# Warnings and hardening for each target of ours (the OpenSSF compiler options guide), never global.
set(BUZZER_WARNINGS -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wvla -Wstrict-prototypes
    -Wmissing-prototypes -Wimplicit-fallthrough -Werror=format-security -Werror=implicit
    -Werror=incompatible-pointer-types -Werror=int-conversion)
set(BUZZER_HARDENING -fstack-clash-protection -fstack-protector-strong -fcf-protection=full
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND BUZZER_WARNINGS -Wtrampolines -Wlogical-op -Wduplicated-cond -Wbidi-chars=any)
    list(APPEND BUZZER_HARDENING -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr)
endif()

function(buzzer_flags target)
    set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
                          POSITION_INDEPENDENT_CODE ON)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE BUZZER_VERSION="${PROJECT_VERSION}")
    target_compile_options(${target} PRIVATE ${BUZZER_WARNINGS} ${BUZZER_HARDENING} -g)
    if(BUZZER_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(BUZZER_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${BUZZER_SANITIZE} -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=${BUZZER_SANITIZE})
    elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        target_compile_options(${target} PRIVATE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    endif()
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
        target_link_options(${target} PRIVATE -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,nodlopen,--as-needed)
    elseif(type STREQUAL "MODULE_LIBRARY")
        target_link_options(${target} PRIVATE -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
    endif()
endfunction()
