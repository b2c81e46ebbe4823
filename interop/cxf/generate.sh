#!/bin/bash
# Makes a client of a WSDL with wsdl2java, compiles it with generated/GeneratedClient.java, and runs that.
# usage: generate.sh WSDL DIRECTORY SPN COUNT
set -euo pipefail
. "$(dirname "$0")/env.sh"
classes="$CXFLAB/lab.jar:$(cat "$CXFLAB/cp.txt")"
mkdir -p "$2/src" "$2/classes"
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC ${JAVA_LAB_OPTIONS:-} -cp "$classes" \
  org.apache.cxf.tools.wsdlto.WSDLToJava -d "$2/src" -p http://www.example.org/contract/DoubleIt=made "$1"
javac -nowarn -cp "$classes" -d "$2/classes" $(find "$2/src" -name '*.java') "$HERE/generated/GeneratedClient.java"
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC ${JAVA_LAB_OPTIONS:-} -Djava.security.krb5.conf="$LAB/krb5.conf" \
  -Djava.security.auth.login.config="$LAB/lab.jaas" -Djava.util.logging.config.file="$CXFLAB/logging.properties" \
  -cp "$2/classes:$classes" GeneratedClient "$1" "$3" "$4"
