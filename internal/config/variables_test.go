package config

import (
	"testing"
)

func TestUnknownVariablesFindsTypos(t *testing.T) {
	found := UnknownVariables([]string{"PATH=x", "WSSGATE_POLICY=x", "WSSGATE_CONFIG=x", "WSSGATE_ALLOWED_REALM=x",
		"WSSGATE_SERVICE_HOST=10.0.0.1", "WSSGATE_PORT_8080_TCP_ADDR=10.0.0.1", "WSSGATE_PORT=tcp://10.0.0.1:80"})
	if len(found) != 1 || found[0].String() != `WSSGATE_ALLOWED_REALM: unknown setting; did you mean `+
		`"WSSGATE_ALLOWED_REALMS"?` {
		t.Errorf("got %v", found)
	}
}
