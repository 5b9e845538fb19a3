# `cmake --install build/release --prefix DIR`: the commands, the library that programs link, and what
# find_package(orrery) needs. A program then says target_link_libraries(program orrery::api).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(ORRERY_INSTALLED api common core_worker env messages object_store scheduling transport)
set(installed_targets "")
foreach(name ${ORRERY_INSTALLED})
  if(TARGET orrery_${name})
    list(APPEND installed_targets orrery_${name})
    set_target_properties(orrery_${name} PROPERTIES EXPORT_NAME ${name})
  endif()
endforeach()
# Headers name one another from the root of the tree: they keep their places below include/orrery-api.
target_include_directories(orrery_common PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/orrery-api>)

install(TARGETS ${installed_targets} EXPORT orrery ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS orrery orrery-sim orrery-live RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT orrery NAMESPACE orrery:: FILE orreryTargets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/orrery)
foreach(folder api common env messages)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/orrery-api/runtime/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN "*.inc" PATTERN "examples" EXCLUDE)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/generated/orrery/orrery.h ${CMAKE_BINARY_DIR}/generated/orrery/expose.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/orrery-api/orrery)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/orreryConfig.cmake.in ${CMAKE_BINARY_DIR}/orreryConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/orrery)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/orreryConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/orreryConfig.cmake ${CMAKE_BINARY_DIR}/orreryConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/orrery)

# What `pip install .` takes (pyproject.toml) beside the Python files: the module and the commands that it starts.
if(TARGET orrery_python)
  install(TARGETS orrery_python LIBRARY DESTINATION orrery COMPONENT python EXCLUDE_FROM_ALL)
  install(TARGETS orrery orrery-sim orrery-live RUNTIME DESTINATION orrery/bin COMPONENT python EXCLUDE_FROM_ALL)
endif()
