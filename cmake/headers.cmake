# Each header stands alone. That of a source file is what the file includes first (tests/unit/tidy_test.cc), so the release
# build has seen it; for each of the others a generated file includes it and nothing else. The target `headers` compiles these
# unoptimized, so it costs little more than parsing; `make test` builds it.
file(GLOB WEIR_HEADERS RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/base/*.h ${CMAKE_SOURCE_DIR}/conf/*.h ${CMAKE_SOURCE_DIR}/wire/*.h
  ${CMAKE_SOURCE_DIR}/analyzer/*.h ${CMAKE_SOURCE_DIR}/cache/*.h ${CMAKE_SOURCE_DIR}/pooler/*.h
  ${CMAKE_SOURCE_DIR}/admin/*.h ${CMAKE_SOURCE_DIR}/app/*.h)

set(WEIR_HEADER_CHECKS)
foreach(header ${WEIR_HEADERS})
  string(REGEX REPLACE "h$" "cc" source ${header})
  if(EXISTS ${CMAKE_SOURCE_DIR}/${source})
    continue()
  endif()
  string(MAKE_C_IDENTIFIER ${header} name)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/headers/${name}.cc
    CONTENT "#include \"@header@\"\n#include \"@header@\"\n" @ONLY)
  list(APPEND WEIR_HEADER_CHECKS ${CMAKE_BINARY_DIR}/headers/${name}.cc)
endforeach()

if(WEIR_HEADER_CHECKS)
  add_library(headers OBJECT EXCLUDE_FROM_ALL ${WEIR_HEADER_CHECKS})
  target_link_libraries(headers PRIVATE weir_flags fmt::fmt spdlog::spdlog)
  target_compile_options(headers PRIVATE -O0 -g0)
endif()
