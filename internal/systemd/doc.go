// Package systemd is what a service says to systemd, and gets from it: sd_notify(3)
// and sd_listen_fds(3).
//
//	systemd                                  Go
//	NOTIFY_SOCKET, sd_notify(3)              Notify
//	WATCHDOG_USEC, sd_watchdog_enabled(3)    Watchdog
//	LISTEN_FDS, sd_listen_fds(3)             Listener
package systemd
