# cmake -D binary=BUILD -D scratch=FOLDER -D consumer=FOLDER -D compiler=C++ -D build_type=TYPE -P install.cmake
# Installs the build into a fresh prefix, then configures, builds and runs a project that finds it there.

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "${line}\nended with ${code}:\n${text}")
  endif()
  set(output "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${scratch})
step(${CMAKE_COMMAND} --install ${binary} --prefix ${scratch}/prefix)
step(${CMAKE_COMMAND} -S ${consumer} -B ${scratch}/build -G Ninja -D CMAKE_BUILD_TYPE=${build_type}
     -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_PREFIX_PATH=${scratch}/prefix)
step(${CMAKE_COMMAND} --build ${scratch}/build)
step(${scratch}/build/app)
if(NOT output MATCHES "^uwaga")
  message(FATAL_ERROR "the installed library answers '${output}'")
endif()
file(GLOB_RECURSE headers RELATIVE ${scratch}/prefix/include ${scratch}/prefix/include/*)
list(LENGTH headers count)
message("installed ${count} headers; the consumer says ${output}")
file(REMOVE_RECURSE ${scratch})
