# Read by ctest when it starts, with `folder`, `program`, `found` and `catch2` set: asks the test program for its cases and
# makes each a CTest entry. The list is kept in the file `found` until the program is built anew.

cmake_policy(VERSION 3.25)

# The names of the cases that match `spec`, as a list. Brackets and semicolons would break a CMake list, so they
# travel as control characters until bracket_back().
function(cases spec result)
  if(catch2 VERSION_LESS 3)
    set(how --list-test-names-only)  # exits with the number of names
  else()
    set(how --list-tests --verbosity quiet)
  endif()
  execute_process(COMMAND ${program} ${spec} ${how} OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE code)
  if(NOT code MATCHES "^[0-9]+$" OR error)
    message(FATAL_ERROR "${program} cannot list its tests (${code}): ${error}")
  endif()
  string(REPLACE "[" "\t1" text "${text}")
  string(REPLACE "]" "\t2" text "${text}")
  string(REPLACE ";" "\t3" text "${text}")
  string(REGEX REPLACE "\n+" ";" text "${text}")
  list(FILTER text EXCLUDE REGEX "^ *$")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

function(bracket_back text result)
  string(REPLACE "\t1" "[" text "${text}")
  string(REPLACE "\t2" "]" text "${text}")
  string(REPLACE "\t3" ";" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

function(discover)
  if(catch2 VERSION_LESS 3)
    set(none "\"--warn\" \"NoTests\"")  # a name that matches nothing fails; Catch2 3 does so unasked
  endif()
  cases("[slow]" slow)
  cases("[threads]" threads)
  cases("~[slow]~[.]" fast)
  set(script "")
  foreach(speed fast slow)
    foreach(name IN LISTS ${speed})
      set(labels ${folder} ${speed})
      if(name IN_LIST threads)
        list(APPEND labels threads)
      endif()
      if(speed STREQUAL "slow")
        set(timeout 1800)
      else()
        set(timeout 300)
      endif()
      bracket_back("${name}" name)
      string(REGEX REPLACE "([\\,[])" "\\\\\\1" spec "${name}")  # what Catch2 reads as syntax in a test specification
      string(APPEND script "add_test([==[${folder}: ${name}]==] [==[${program}]==] [==[${spec}]==] ${none})\n"
             "set_tests_properties([==[${folder}: ${name}]==] PROPERTIES LABELS \"${labels}\" TIMEOUT ${timeout}"
             " ENVIRONMENT UWAGA_SKIP_CODE=77 SKIP_RETURN_CODE 77)\n")
    endforeach()
  endforeach()
  file(WRITE ${found}.new "${script}")
  file(RENAME ${found}.new ${found})
endfunction()

if(NOT EXISTS ${program})
  add_test("${folder}: not built" "${program}")
  set_tests_properties("${folder}: not built" PROPERTIES LABELS ${folder})
else()
  if(NOT EXISTS ${found} OR ${program} IS_NEWER_THAN ${found} OR ${CMAKE_CURRENT_LIST_FILE} IS_NEWER_THAN ${found})
    discover()
  endif()
  include(${found})
endif()
