# `cmake --install`: headers, static libraries, the command, and a package for find_package(uwaga).
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/uwaga)

install(TARGETS uwaga EXPORT uwagaTargets)
foreach(floor ${UWAGA_FLOORS})  # internal headers too, for public ones may include them; not those that need LLVM or a driver
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${floor} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/uwaga
          FILES_MATCHING PATTERN "*.h" PATTERN llvm EXCLUDE PATTERN cuda EXCLUDE)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/include/uwaga/uwaga.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/uwaga)

install(EXPORT uwagaTargets NAMESPACE uwaga:: DESTINATION ${package})
configure_package_config_file(cmake/uwagaConfig.cmake.in ${PROJECT_BINARY_DIR}/uwagaConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/uwagaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/uwagaConfig.cmake ${PROJECT_BINARY_DIR}/uwagaConfigVersion.cmake
        DESTINATION ${package})
