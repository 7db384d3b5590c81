/* notify.h: systemd's readiness protocol (sd_notify(3)), spoken directly. */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

/** notify_systemd(state): "READY=1", … to $NOTIFY_SOCKET; nothing happens without one. */
void notify_systemd(const char *state);
/** notify_reloading(): RELOADING=1 with the time that Type=notify-reload asks for. */
void notify_reloading(void);

#endif
