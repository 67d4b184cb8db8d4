#!/bin/sh
# Run once before the web processes start: make the secret key that they share, unless SECRET_KEY
# is set or it is there already, and bring the database up to date.
set -eu
umask 077

key=$COLLAB_DATA_DIR/secret_key
if [ -z "${SECRET_KEY:-}" ] && [ ! -s "$key" ]; then
    python -c 'import secrets; print(secrets.token_urlsafe(64))' > "$key.new"
    mv "$key.new" "$key"
fi
mkdir -p "$COLLAB_DATA_DIR/uploads"
exec collab migrate --noinput
