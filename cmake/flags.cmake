# Warnings are errors; hardening is on in every build (docs/operations.md, "What the binary is built with").
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(weir_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wformat=2 -Wshadow -Wconversion -Wsign-conversion
  -Wimplicit-fallthrough -Wvla -Wnon-virtual-dtor -Woverloaded-virtual
  -fstack-protector-strong -fno-delete-null-pointer-checks -fno-strict-overflow -fPIE)
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE _GLIBCXX_ASSERTIONS)
target_link_options(weir_flags INTERFACE -pie
  -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed)

# Not every compiler and processor has these; where they are, they are used.
foreach(flag -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero)
  string(MAKE_C_IDENTIFIER "WEIR_HAS${flag}" has)
  check_cxx_compiler_flag(${flag} ${has})
  if(${has})
    target_compile_options(weir_flags INTERFACE ${flag})
  endif()
endforeach()

# Machine paths stay out of the binary: __FILE__ and debug information name files from the source folder.
target_compile_options(weir_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

if(WEIR_SANITIZE)
  # gcc 12 sees uninitialized values in fmt that are not there when it instruments.
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer -g1
    $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
  # WEIR_SANITIZE_ADDRESS, _UNDEFINED, _THREAD: compilers have no word for it in common.
  string(REPLACE "," ";" sanitizers "${WEIR_SANITIZE}")
  foreach(sanitizer ${sanitizers})
    string(TOUPPER WEIR_SANITIZE_${sanitizer} macro)
    target_compile_definitions(weir_flags INTERFACE ${macro})
  endforeach()
else()
  # Fortified functions need an optimizer; level 3 is what gcc 12 and clang 16 have.
  target_compile_options(weir_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()

if(WEIR_FUZZ)
  # Coverage for libFuzzer in every library; its main() only in the targets of tests/fuzz.
  target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(WEIR_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# What most files include, parsed once: for the tests, and for the builds with sanitizers. The release build's own files do
# without, so that each says what it needs.
set(WEIR_PRECOMPILED <algorithm> <array> <atomic> <chrono> <deque> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector> <fmt/format.h> <fmt/ranges.h>)
if(WEIR_PCH)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(weir_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>) # for ccache
  endif()
  if(WEIR_SANITIZE)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "")
    add_library(weir_precompiled STATIC ${CMAKE_BINARY_DIR}/precompiled.cc)
    target_link_libraries(weir_precompiled PRIVATE weir_flags fmt::fmt spdlog::spdlog)
    target_precompile_headers(weir_precompiled PRIVATE ${WEIR_PRECOMPILED})
  endif()
endif()

# weir_library(name DEPENDS a b LIBRARIES x y PRECOMPILED <a/b.h> ... SOURCES ...): a folder's library. PRECOMPILED are headers
# that most of its files include.
function(weir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;PRECOMPILED;SOURCES" ${ARGN})
  if(WEIR_FUZZ)
    list(REMOVE_ITEM ARG_SOURCES outbox.cc pg_client.cc resolver.cc dial.cc) # connect by themselves: nothing of theirs is fuzzed
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  if(WEIR_SANITIZE AND WEIR_PCH)
    if(ARG_PRECOMPILED)
      target_precompile_headers(${name} PRIVATE ${WEIR_PRECOMPILED} ${ARG_PRECOMPILED})
    else()
      target_precompile_headers(${name} REUSE_FROM weir_precompiled)
    endif()
  endif()
  target_link_libraries(${name} PUBLIC weir_flags ${ARG_DEPENDS} PRIVATE ${ARG_LIBRARIES})
endfunction()
