#!/bin/sh
# Runs once, where the first primary has been made: Patroni gives the address of the new database as the argument.
set -eu
psql --no-psqlrc -v ON_ERROR_STOP=1 -v password="${ROOST_PASSWORD:?}" "$1" <<'SQL'
create role roost login password :'password';
alter role roost set statement_timeout = '15s';
alter role roost set jit = off;
create database roost owner roost encoding 'UTF8' template template0;
SQL
