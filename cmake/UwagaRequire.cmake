# uwaga_require(NAME DEBIAN_PACKAGE [find_package arguments]): find_package, with what is missing collected
# so that uwaga_require_all() can name it all in one message.

set(UWAGA_MISSING "")
set(UWAGA_MISSING_PACKAGES "")

macro(uwaga_require name debian)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    list(APPEND UWAGA_MISSING ${name})
    list(APPEND UWAGA_MISSING_PACKAGES ${debian})
  endif()
endmacro()

function(uwaga_require_all)
  if(UWAGA_MISSING)
    list(JOIN UWAGA_MISSING ", " names)
    list(JOIN UWAGA_MISSING_PACKAGES " " packages)
    message(FATAL_ERROR "uwaga needs ${names}, which CMake does not find; on Debian or Ubuntu: apt-get install ${packages}")
  endif()
endfunction()
