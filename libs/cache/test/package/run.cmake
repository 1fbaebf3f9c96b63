# Builds and runs the consumer beside this file as a stranger would: against an install prefix or as a subdirectory.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(with -G ${GENERATOR} -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_COMPILER=${COMPILER})

if(WAY STREQUAL "find_package")
  run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/library ${with} -D CMAKE_INSTALL_PREFIX=${WORK}/prefix
      -D WATCHBELL_CACHE_BUILD_TESTS=OFF)
  run(${CMAKE_COMMAND} --build ${WORK}/library)
  run(${CMAKE_COMMAND} --install ${WORK}/library)
  set(place -D CMAKE_PREFIX_PATH=${WORK}/prefix)
  # Nothing but the public headers may have been installed.
  file(GLOB_RECURSE headers RELATIVE ${WORK}/prefix/include ${WORK}/prefix/include/*)
  foreach(header IN LISTS headers)
    if(NOT header MATCHES "^watchbell/cache/")
      message(FATAL_ERROR "installed ${header}")
    endif()
  endforeach()
else()
  set(place -D WATCHBELL_CACHE_SOURCE=${SOURCE})
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK}/consumer ${with} ${place})
run(${CMAKE_COMMAND} --build ${WORK}/consumer)
run(${WORK}/consumer/consumer)
