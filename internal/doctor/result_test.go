package doctor_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/doctor"
)

func TestReportWritesTextAndJSON(t *testing.T) {
	t.Parallel()
	r := doctor.Report{
		{Check: "clock", Status: doctor.OK, Subject: "k", Found: "fine\x1b[31m"},
		{Check: "kvno", Status: doctor.Fail, Subject: "s", Found: "old", Cure: strings.Repeat("word ", 25) + "end"},
	}
	var text, list strings.Builder
	r.WriteText(&text)
	r.WriteJSON(&list)
	want := "ok    clock      k: fine\uFFFD[31m\nfail  kvno       s: old\n                   cure:" +
		strings.Repeat(" word", 19) + "\n                        " + strings.Repeat(" word", 6) +
		" end\n\n1 ok, 0 to mend soon, 1 failed, 0 not looked at\n"
	if text.String() != want {
		t.Errorf("%s", &text)
	}
	if !strings.Contains(list.String(), `"status": "fail",`) || strings.Contains(list.String(), `"cure": ""`) {
		t.Errorf("%s", &list)
	}
	list.Reset()
	doctor.Report(nil).WriteJSON(&list)
	if list.String() != "[]\n" {
		t.Errorf("%q", &list)
	}
}
