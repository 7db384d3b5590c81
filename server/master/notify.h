/* notify.h: tells the service manager about this server's state, by the protocol of sd_notify(3).
 */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

/** Sends a state, "READY=1" for instance, to $NOTIFY_SOCKET. Without one nothing happens. Waits
 * half a second at most; a failure is logged. */
void notify_systemd(const char *state);
/** Sends RELOADING=1, with the time that Type=notify-reload asks for. READY=1 has to follow. */
void notify_reloading(void);

#endif
