package worker

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	Main(misdeeds)
	os.Exit(m.Run())
}
