#!/usr/bin/env bash
# Starts the broker of a container with the settings that the environment names: KAFKA_NODE_ID=1 is
# node.id=1. What it keeps is in /var/lib/kafka/data.
set -euo pipefail

settings=$(mktemp)
env | sed -n 's/^KAFKA_//p' | while IFS='=' read -r name value; do
    [ "$name" = HEAP_OPTS ] || echo "$(tr 'A-Z_' 'a-z.' <<<"$name")=$value"
done >"$settings"

java=(java ${KAFKA_HEAP_OPTS:--Xmx512m} -XX:+UseSerialGC -Djava.awt.headless=true -Dkafka.logs.dir=/tmp
      -Dlog4j2.configurationFile=file:/opt/kafka/log4j2.xml -cp '/opt/kafka/libs/*')
[ -e /var/lib/kafka/data/meta.properties ] ||
    "${java[@]}" kafka.tools.StorageTool format -t "${CLUSTER_ID:-4L6g3nShT-eMCtK--X86sw}" -c "$settings"
exec "${java[@]}" kafka.Kafka "$settings"
