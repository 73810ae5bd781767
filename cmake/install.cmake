# `make install`: the binary, its manual page, a sample weir.toml, the systemd units and rules for Prometheus. DESTDIR is honoured.
include(GNUInstallDirs)

if(TARGET weir)
  install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES packaging/weir.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
# In full: /etc, and not /usr/etc, for the prefix /usr.
install(FILES packaging/weir.toml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/weir
  PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ RENAME weir.toml.sample OPTIONAL)
# The unit starts the binary where it is installed.
file(READ ${CMAKE_SOURCE_DIR}/packaging/weir.service unit)
string(REPLACE "ExecStart=/usr/bin/weir " "ExecStart=${CMAKE_INSTALL_FULL_BINDIR}/weir " unit "${unit}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/weir.service CONTENT "@unit@" @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/weir.service packaging/weir.socket DESTINATION lib/systemd/system OPTIONAL)
install(FILES packaging/prometheus-rules.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/weir OPTIONAL)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
