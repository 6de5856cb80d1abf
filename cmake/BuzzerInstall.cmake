# What `cmake --install` puts where: the program, the image types it looks for in ../lib/buzzer, the man page.
include(GNUInstallDirs)
install(TARGETS buzzer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET buzzer_images)
    install(TARGETS buzzer_images LIBRARY DESTINATION lib/buzzer)
endif()
install(FILES ${CMAKE_SOURCE_DIR}/deploy/buzzer.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
