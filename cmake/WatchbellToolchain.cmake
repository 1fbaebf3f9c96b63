# One compiler, one standard, one set of warnings; sanitizers and speed by cache variables.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "The Watchbell server is built with clang 19 alone (found ${CMAKE_CXX_COMPILER_ID} "
    "${CMAKE_CXX_COMPILER_VERSION}). Configure with --preset dev, or -DCMAKE_CXX_COMPILER=clang++-19. "
    "Only libs/cache also builds with g++ 12.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(WATCHBELL_SANITIZE "" CACHE STRING "address (with undefined), thread, or empty")
set_property(CACHE WATCHBELL_SANITIZE PROPERTY STRINGS "" address thread)
option(WATCHBELL_WERROR "Warnings are errors for our targets" ON)

find_program(WATCHBELL_CCACHE ccache)
if(WATCHBELL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The precompiled header is hashed by content, so that a fresh checkout hits. What the compiler says of its dependencies is used, so that a miss costs no
  # second run of the preprocessor.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 ${WATCHBELL_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${WATCHBELL_CCACHE})
endif()

find_program(WATCHBELL_MOLD mold)
if(WATCHBELL_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# What nobody calls and what is there twice is left out of a release.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(-Wl,--gc-sections)
  if(WATCHBELL_MOLD)
    add_link_options(-Wl,--icf=safe)
  endif()
endif()

add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
if(WATCHBELL_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
elseif(WATCHBELL_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=thread)
endif()

# Asio: no deprecated names, and headers stay header-only (its separate compilation brings nothing with one loop).
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
