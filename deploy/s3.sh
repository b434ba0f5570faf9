#!/bin/bash
# Start an S3 server (SeaweedFS) on the volume /srv/data, with the bucket `home`.
#
#   AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… s3.sh
set -euo pipefail
: "${AWS_ACCESS_KEY_ID:?}" "${AWS_SECRET_ACCESS_KEY:?}"
rm -f /tmp/ready
(umask 077 && cat >/tmp/s3.json) <<JSON
{"identities": [{"name": "ml_assets", "actions": ["Admin", "Read", "Write", "List"], "credentials":
  [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}]}]}
JSON
# Only S3 is for others; nothing but it asks for keys.
weed server -dir=/srv/data -ip=127.0.0.1 -ip.bind=127.0.0.1 -volume.max=0 \
  -master.volumeSizeLimitMB=1024 -s3 -s3.ip.bind=0.0.0.0 -s3.port=8333 -s3.config=/tmp/s3.json \
  -s3.port.iceberg=0 -s3.port.lance=0 &
server=$!
trap 'kill $server' TERM INT
for _ in $(seq 60); do
  if echo 's3.bucket.create -name home' | weed shell -master=127.0.0.1:9333 >/tmp/shell 2>&1 ||
    grep -q exist /tmp/shell; then
    touch /tmp/ready
    break
  fi
  sleep 1
done
wait $server || wait $server
