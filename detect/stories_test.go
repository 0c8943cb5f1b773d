package detect_test

import (
	"testing"

	"mailstop/detect"
	"mailstop/detect/blanket"
	"mailstop/detect/mailin"
	"mailstop/detect/mailout"
	"mailstop/detect/mailreturn"
	"mailstop/detect/story"
)

func all(site detect.Site) []detect.Detector {
	return []detect.Detector{blanket.New(site), mailout.New(site), mailreturn.New(site), mailin.New(site)}
}

func TestStories(t *testing.T) { story.Run(t, "testdata/*.story", all) }
