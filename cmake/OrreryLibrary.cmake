# Warnings, sanitizers and the two helpers every folder uses.
add_compile_options(-Wall -Wextra)
if(ORRERY_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns about its own inlined std::string and vector code at -O2 (GCC bugs 105329, 105651).
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized)
endif()
# Simulated results must not depend on how a compiler fuses multiplications.
add_compile_options(-ffp-contract=off)
if(ORRERY_SANITIZE)
  add_compile_options(-fsanitize=${ORRERY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ORRERY_SANITIZE})
  if(ORRERY_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # fences in SimGrid's headers, of a library that no second thread touches
  endif()
endif()
if(ORRERY_FUZZ)
  # The libraries under test report coverage too; without it libFuzzer is blind.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# orrery_library(NAME SOURCES... [DEPS targets...]): a static library orrery_NAME, alias orrery::NAME.
function(orrery_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(orrery_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(orrery_${name} PUBLIC ${ARG_DEPS})
  else()
    add_library(orrery_${name} INTERFACE)
    target_link_libraries(orrery_${name} INTERFACE ${ARG_DEPS})
  endif()
  add_library(orrery::${name} ALIAS orrery_${name})
endfunction()

# orrery_test(NAME SOURCES... DEPS...): a GoogleTest binary registered with CTest under NAME.
function(orrery_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(ARG_LABEL)
    set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL})
  endif()
endfunction()
