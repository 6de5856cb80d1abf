#!/usr/bin/env bash
# The image's health check, with nothing but bash: does /readyz answer 200? A process without the role
# api has no address; that it runs is all there is to know from outside.
case "${BUZZER_ROLES:-api}" in *api*) ;; *) exit 0 ;; esac
exec 3<>"/dev/tcp/127.0.0.1/${BUZZER_LISTEN##*:}" || exit 1
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3 && [ "$status" = 200 ]
